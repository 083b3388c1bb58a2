package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// place knows where one server's files and its port are, and who its administrator is.
type place struct {
	dir   string
	port  int
	token string
}

// prepare chooses a port and a token and writes the files that the server is started with.
func prepare(dir string) (*place, error) {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	place := &place{dir: dir, port: port, token: hex.EncodeToString(secret)}
	if err := os.MkdirAll(place.certificates(), 0o700); err != nil {
		return nil, err
	}
	line := fmt.Sprintf("%s,admin,admin,system:masters\n", place.token)
	if err := os.WriteFile(place.file("tokens.csv"), []byte(line), 0o600); err != nil {
		return nil, err
	}
	return place, place.writeAccountKey()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

func (p *place) certificates() string { return p.file("certificates") }

func (p *place) kubeconfig() string { return p.file("kubeconfig") }

func (p *place) flags(storage string) []string {
	key := p.file("accounts.pem")
	return []string{
		"--etcd-servers=http://" + storage,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(p.port),
		"--cert-dir=" + p.certificates(),
		"--token-auth-file=" + p.file("tokens.csv"),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
		"--disable-admission-plugins=ServiceAccount",
		"--endpoint-reconciler-type=none",
		"--enable-priority-and-fairness=false",
		"--profiling=false",
		"--shutdown-delay-duration=0s",
	}
}

func (p *place) writeAccountKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(p.file("accounts.pem"), pem.EncodeToMemory(block), 0o600)
}

// await returns how to reach the server once it says that it is ready.
func (p *place) await(ctx context.Context) (*rest.Config, error) {
	for {
		config := p.restConfig()
		client, err := kubernetes.NewForConfig(config)
		if err == nil {
			_, err = client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		}
		if err == nil {
			return config, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("not ready in time: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *place) restConfig() *rest.Config {
	return &rest.Config{
		Host:            p.url(),
		BearerToken:     p.token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: p.authority()},
		QPS:             200,
		Burst:           400,
	}
}

func (p *place) url() string { return "https://127.0.0.1:" + strconv.Itoa(p.port) }

// authority is the certificate that the server made for itself, with what signed it.
func (p *place) authority() string { return filepath.Join(p.certificates(), "apiserver.crt") }

func (p *place) writeKubeconfig() error {
	const name = "control-plane"
	config := api.NewConfig()
	config.Clusters[name] = &api.Cluster{Server: p.url(), CertificateAuthority: p.authority()}
	config.AuthInfos[name] = &api.AuthInfo{Token: p.token}
	config.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.WriteToFile(*config, p.kubeconfig())
}
