package main

import (
	"context"
	"time"

	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
)

const (
	// How soon the collector learns of kinds whose definitions come later.
	relearn = 2 * time.Second
	workers = 2
)

// startControllers starts the garbage collector, without which owner references say nothing.
func startControllers(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	factory := informerfactory.NewInformerFactory(
		informers.NewSharedInformerFactory(client, 0),
		metadatainformer.NewSharedInformerFactory(objects, 0),
	)
	started := make(chan struct{})
	ignored := garbagecollector.DefaultIgnoredResources()
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, objects, mapper, ignored, factory, started)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	close(started)
	go collector.Run(ctx, workers, relearn)
	go collector.Sync(ctx, client.Discovery(), relearn)
	return nil
}
