//! Consumes, writes what it was given, and commits its offsets with it. Arguments: bootstrap, input, output, group.
//! Ends with an error where a supervisor would start it again.
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(15);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Err(error) = run(&args[1], &args[2], &args[3], &args[4]) {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn run(bootstrap: &str, input: &str, output: &str, group: &str) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap).set("group.id", group).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed").set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "500").create()?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap).set("transactional.id", format!("{group}-producer")).set("transaction.timeout.ms", "10000").create()?;
    producer.init_transactions(PATIENCE)?;
    consumer.subscribe(&[input])?;
    loop {
        let mut values: Vec<Vec<u8>> = Vec::new();
        let mut offsets = TopicPartitionList::new();
        let until = Instant::now() + Duration::from_millis(100);
        while values.len() < 50 && Instant::now() < until {
            let Some(found) = consumer.poll(Duration::from_millis(20)) else { continue };
            let Ok(message) = found else { continue };
            let next = Offset::Offset(message.offset() + 1);
            match offsets.find_partition(message.topic(), message.partition()) {
                Some(mut there) => there.set_offset(next)?,
                None => offsets.add_partition_offset(message.topic(), message.partition(), next)?,
            }
            values.push(message.payload().unwrap_or_default().to_vec());
        }
        if values.is_empty() { continue; }
        producer.begin_transaction()?;
        for value in &values {
            producer.send(BaseRecord::<(), [u8]>::to(output).payload(value)).map_err(|(error, _)| error)?;
        }
        producer.send_offsets_to_transaction(&offsets, &consumer.group_metadata().expect("a member"), PATIENCE)?;
        producer.commit_transaction(PATIENCE)?;
    }
}
