// A single etcd member for tests: etcd DATA_DIR CLIENT_URL PEER_URL.
package main

import (
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func parse(text string) url.URL {
	u, err := url.Parse(text)
	must(err)
	return *u
}

func main() {
	c := embed.NewConfig()
	c.Dir = os.Args[1]
	client, peer := parse(os.Args[2]), parse(os.Args[3])
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.UnsafeNoFsync = true
	c.LogLevel = "warn"
	e, err := embed.StartEtcd(c)
	must(err)
	<-e.Server.ReadyNotify()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	e.Close()
}
