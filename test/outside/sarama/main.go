// A consumer group that writes what it is given, each record in a transaction with its offset. Arguments: bootstrap, input, output, group.
// An error ends the session: the next one begins where the group is, with a new producer of the same transactional id.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/IBM/sarama"
)

type pipe struct{ bootstrap, output, group string }

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Group.Session.Timeout = 6 * time.Second
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Metadata.Retry.Max = 100
	return c
}

func (p *pipe) producer(claim sarama.ConsumerGroupClaim) (sarama.AsyncProducer, error) {
	c := config()
	c.Producer.Idempotent = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Errors = false
	c.Producer.Transaction.ID = fmt.Sprintf("%s-%d", p.group, claim.Partition())
	c.Producer.Transaction.Timeout = 10 * time.Second
	c.Net.MaxOpenRequests = 1
	return sarama.NewAsyncProducer([]string{p.bootstrap}, c)
}

func (p *pipe) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (p *pipe) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (p *pipe) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	producer, err := p.producer(claim)
	if err != nil {
		return err
	}
	defer producer.Close()
	for {
		select {
		case <-session.Context().Done():
			return nil
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			if err := p.transact(producer, message); err != nil {
				log.Printf("partition %d at %d: %v", message.Partition, message.Offset, err)
				return err
			}
		}
	}
}

func (p *pipe) transact(producer sarama.AsyncProducer, message *sarama.ConsumerMessage) error {
	if err := producer.BeginTxn(); err != nil {
		return err
	}
	producer.Input() <- &sarama.ProducerMessage{Topic: p.output, Value: sarama.ByteEncoder(message.Value)}
	if err := producer.AddMessageToTxn(message, p.group, nil); err != nil {
		return err
	}
	return producer.CommitTxn()
}

func main() {
	p := &pipe{bootstrap: os.Args[1], output: os.Args[3], group: os.Args[4]}
	for {
		if err := run(p, os.Args[2]); err != nil {
			log.Print(err)
			time.Sleep(100 * time.Millisecond)
		}
	}
}

func run(p *pipe, input string) error {
	group, err := sarama.NewConsumerGroup([]string{p.bootstrap}, p.group, config())
	if err != nil {
		return err
	}
	defer group.Close()
	for {
		if err := group.Consume(context.Background(), []string{input}, p); err != nil {
			return err
		}
	}
}
