// Record what Flagger's routers write for the Canary objects on standard input: one snapshot when a canary was seen, and
// one after each split. Services are recorded for the canaries without splits alone.
//
//	GOFLAGS=-mod=mod go run . < cases.json > recorded.json
package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"

	"go.uber.org/zap"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubefake "k8s.io/client-go/kubernetes/fake"

	apisixv2 "github.com/fluxcd/flagger/pkg/apis/apisix/v2"
	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	meshfake "github.com/fluxcd/flagger/pkg/client/clientset/versioned/fake"
	"github.com/fluxcd/flagger/pkg/router"
)

type split struct {
	Primary  int  `json:"primary"`
	Canary   int  `json:"canary"`
	Mirrored bool `json:"mirrored"`
}

type testCase struct {
	Canary  flaggerv1.Canary      `json:"canary"`
	Splits  []split               `json:"splits"`
	Ingress *netv1.Ingress        `json:"ingress"`
	Route   *apisixv2.ApisixRoute `json:"route"`
}

type world struct {
	kube *kubefake.Clientset
	mesh *meshfake.Clientset
}

func main() {
	cases := map[string]testCase{}
	must(json.NewDecoder(os.Stdin).Decode(&cases))
	recorded := map[string][]map[string]any{}
	for name, each := range cases {
		recorded[name] = record(each)
	}
	must(json.NewEncoder(os.Stdout).Encode(recorded))
}

func record(each testCase) []map[string]any {
	w := world{kubefake.NewSimpleClientset(), meshfake.NewSimpleClientset()}
	ctx, namespace := context.Background(), each.Canary.Namespace
	if each.Ingress != nil {
		_, err := w.kube.NetworkingV1().Ingresses(namespace).Create(ctx, each.Ingress, metav1.CreateOptions{})
		must(err)
	}
	if each.Route != nil {
		_, err := w.mesh.ApisixV2().ApisixRoutes(namespace).Create(ctx, each.Route, metav1.CreateOptions{})
		must(err)
	}
	factory := router.NewFactory(nil, w.kube, w.mesh, nil, "nginx.ingress.kubernetes.io", "", zap.NewNop().Sugar(), w.mesh, true)
	services := factory.KubernetesRouter("Deployment", "app", "ad", map[string]int32{"grpc": 9090})
	if !each.Canary.Spec.Service.PortDiscovery {
		services = factory.KubernetesRouter("Deployment", "app", "ad", map[string]int32{})
	}
	mesh := factory.MeshRouter(each.Canary.Spec.Provider, "app")
	canary := each.Canary.DeepCopy()
	must(services.Initialize(canary.DeepCopy()))
	must(services.Reconcile(canary.DeepCopy()))
	must(mesh.Reconcile(canary.DeepCopy()))
	snapshots := []map[string]any{w.look(namespace, len(each.Splits) == 0)}
	for _, s := range each.Splits {
		must(mesh.SetRoutes(canary, s.Primary, s.Canary, s.Mirrored))
		snapshots = append(snapshots, w.look(namespace, false))
	}
	return snapshots
}

func (w world) look(namespace string, withServices bool) map[string]any {
	ctx, all := context.Background(), metav1.ListOptions{}
	found := map[string]any{}
	keep := func(kind string, list any, err error) {
		if err != nil {
			return
		}
		text, err := json.Marshal(list)
		must(err)
		var items struct{ Items []map[string]any }
		must(json.Unmarshal(text, &items))
		for _, item := range items.Items {
			delete(item, "status")
			metadata := item["metadata"].(map[string]any)
			delete(metadata, "creationTimestamp")
			found[kind+"/"+metadata["name"].(string)] = item
		}
	}
	if withServices {
		services, err := w.kube.CoreV1().Services(namespace).List(ctx, all)
		keep("Service", services, err)
	}
	ingresses, err := w.kube.NetworkingV1().Ingresses(namespace).List(ctx, all)
	keep("Ingress", ingresses, err)
	virtual, err := w.mesh.NetworkingV1beta1().VirtualServices(namespace).List(ctx, all)
	keep("VirtualService", virtual, err)
	rules, err := w.mesh.NetworkingV1beta1().DestinationRules(namespace).List(ctx, all)
	keep("DestinationRule", rules, err)
	http, err := w.mesh.GatewayapiV1().HTTPRoutes(namespace).List(ctx, all)
	keep("HTTPRoute", http, err)
	beta, err := w.mesh.GatewayapiV1beta1().HTTPRoutes(namespace).List(ctx, all)
	keep("HTTPRoute", beta, err)
	traefik, err := w.mesh.TraefikV1alpha1().TraefikServices(namespace).List(ctx, all)
	keep("TraefikService", traefik, err)
	kuma, err := w.mesh.KumaV1alpha1().TrafficRoutes().List(ctx, all)
	keep("TrafficRoute", kuma, err)
	contour, err := w.mesh.ProjectcontourV1().HTTPProxies(namespace).List(ctx, all)
	keep("HTTPProxy", contour, err)
	tables, err := w.mesh.GatewayV1().RouteTables(namespace).List(ctx, all)
	keep("RouteTable", tables, err)
	upstreams, err := w.mesh.GlooV1().Upstreams(namespace).List(ctx, all)
	keep("Upstream", upstreams, err)
	apisix, err := w.mesh.ApisixV2().ApisixRoutes(namespace).List(ctx, all)
	keep("ApisixRoute", apisix, err)
	return found
}

func must(err error) {
	if err != nil {
		panic(strings.TrimSpace(err.Error()))
	}
}
