// A group's transactions as franz-go offers them: what is polled is written with its offsets, or not at all. Arguments: bootstrap, input, output, group.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	for {
		log.Print(run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]))
		time.Sleep(100 * time.Millisecond)
	}
}

func run(bootstrap, input, output, group string) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(output), kgo.TransactionalID(group+"-producer"), kgo.TransactionTimeout(10*time.Second),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(), kgo.ConsumerGroup(group), kgo.ConsumeTopics(input),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond), kgo.MaxConcurrentFetches(1), kgo.FetchMaxBytes(4096),
	)
	if err != nil {
		return err
	}
	defer session.Close()
	ctx := context.Background()
	for {
		fetches := session.PollRecords(ctx, 50)
		if fetches.NumRecords() == 0 {
			continue
		}
		if err := session.Begin(); err != nil {
			return err
		}
		promise := kgo.AbortingFirstErrPromise(session.Client())
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(ctx, &kgo.Record{Value: r.Value}, promise.Promise())
		})
		committed, err := session.End(ctx, promise.Err() == nil)
		if err != nil {
			return err
		}
		if !committed {
			log.Print("a transaction was aborted")
		}
	}
}
