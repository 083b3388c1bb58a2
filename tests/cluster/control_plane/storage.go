package main

import (
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// startStorage runs an etcd with one member on free loopback ports; it need not survive a crash of the machine.
func startStorage(dir string) (*embed.Etcd, error) {
	anyPort := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	config.ListenClientUrls = []url.URL{anyPort}
	config.AdvertiseClientUrls = []url.URL{anyPort}
	config.ListenPeerUrls = []url.URL{anyPort}
	config.AdvertisePeerUrls = []url.URL{anyPort}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	storage, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-storage.Server.ReadyNotify():
		return storage, nil
	case err := <-storage.Err():
		return nil, err
	case <-time.After(patience):
		storage.Close()
		return nil, fmt.Errorf("not ready within %s", patience)
	}
}
