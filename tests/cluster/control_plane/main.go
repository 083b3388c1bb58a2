// Command control-plane runs a Kubernetes API server with an etcd of its own on loopback, for tests.
//
// It keeps everything under --dir, writes a kubeconfig for the administrator there once the server is ready, says so
// in one line on standard output, and ends when its standard input closes, with the thread that started it, or when it
// gets SIGTERM. There are no nodes and no controllers but the garbage collector.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const (
	patience = 60 * time.Second
	// How long those who still watch may take to hear that the server ends.
	farewell = 3 * time.Second
)

func main() {
	dir := flag.String("dir", "", "folder for data, certificates and the kubeconfig")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	if dir == "" {
		return fmt.Errorf("--dir: say in which folder data and kubeconfig are to be kept")
	}
	ctx, err := endWithOwner()
	if err != nil {
		return err
	}
	storage, err := startStorage(filepath.Join(dir, "etcd"))
	if err != nil {
		return fmt.Errorf("etcd: %w", err)
	}
	defer storage.Close()
	place, err := prepare(dir)
	if err != nil {
		return err
	}
	go func() {
		if err := announce(ctx, place); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "control-plane:", err)
			os.Exit(1)
		}
	}()
	command := app.NewAPIServerCommand()
	command.SetArgs(place.flags(storage.Clients[0].Addr().String()))
	command.SilenceErrors = true
	if err := command.Execute(); err != nil {
		return fmt.Errorf("kube-apiserver: %w", err)
	}
	return nil
}

// endWithOwner returns a context that is over when the server is to end, which then happens within the farewell.
func endWithOwner() (context.Context, error) {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
		return nil, err
	}
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
	go func() {
		<-ctx.Done()
		time.Sleep(farewell)
		os.Exit(0)
	}()
	return ctx, nil
}

// announce waits until the server is ready, starts the controllers, writes the kubeconfig and says where it is.
func announce(ctx context.Context, place *place) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	config, err := place.await(waiting)
	if err != nil {
		return err
	}
	if err := startControllers(ctx, config); err != nil {
		return err
	}
	if err := place.writeKubeconfig(); err != nil {
		return err
	}
	fmt.Println("ready " + place.kubeconfig())
	return nil
}
