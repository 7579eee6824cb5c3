import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Producing and consuming without a group. Records travel as {p, o, t, k, v, h}; bytes are base64. */
final class Records {
    private static final Map<Integer, KafkaProducer<byte[], byte[]>> open = new ConcurrentHashMap<>();
    private static final AtomicInteger openNext = new AtomicInteger();

    static void register(Map<String, Worker.Operation> operations) {
        operations.put("produce", Records::produce);
        operations.put("transact", Records::transact);
        operations.put("transaction.open", Records::openTransaction);
        operations.put("transaction.end", Records::endTransaction);
        operations.put("consume", Records::consume);
    }

    private static Object produce(JsonNode args) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(args)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            List<Map<String, Object>> acks = new ArrayList<>();
            for (JsonNode message : args.get("messages")) sent.add(producer.send(record(args.get("topic").asText(), message)));
            for (Future<RecordMetadata> one : sent) {
                Map<String, Object> ack = new LinkedHashMap<>();
                try {
                    RecordMetadata metadata = one.get();
                    ack.put("p", metadata.partition());
                    ack.put("o", metadata.hasOffset() ? metadata.offset() : -1);
                } catch (java.util.concurrent.ExecutionException failure) {
                    ack.put("error", Worker.errorName(failure.getCause()));
                }
                acks.add(ack);
            }
            return acks;
        }
    }

    private static Object transact(JsonNode args) {
        try (KafkaProducer<byte[], byte[]> producer = producer(args)) {
            producer.initTransactions();
            for (JsonNode transaction : args.get("transactions")) {
                producer.beginTransaction();
                for (JsonNode message : transaction.get("messages")) producer.send(record(transaction.get("topic").asText(), message));
                JsonNode offset = transaction.get("offset");
                if (offset != null && !offset.isNull()) {
                    TopicPartition partition = new TopicPartition(offset.get("topic").asText(), offset.get("partition").asInt());
                    producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(offset.get("offset").asLong())), new ConsumerGroupMetadata(offset.get("group").asText()));
                }
                if (transaction.get("commit").asBoolean()) producer.commitTransaction();
                else {
                    producer.flush(); // what is aborted was sent
                    producer.abortTransaction();
                }
            }
        }
        return true;
    }

    /** A transaction that stays open until `transaction.end`. */
    private static Object openTransaction(JsonNode args) {
        KafkaProducer<byte[], byte[]> producer = producer(args);
        producer.initTransactions();
        producer.beginTransaction();
        for (JsonNode message : args.get("messages")) producer.send(record(args.get("topic").asText(), message));
        producer.flush();
        int number = openNext.incrementAndGet();
        open.put(number, producer);
        return Map.of("transaction", number);
    }

    private static Object endTransaction(JsonNode args) {
        try (KafkaProducer<byte[], byte[]> producer = open.remove(args.get("transaction").asInt())) {
            if (args.get("commit").asBoolean()) producer.commitTransaction();
            else producer.abortTransaction();
        }
        return true;
    }

    private static Object consume(JsonNode args) {
        String topic = args.get("topic").asText();
        int count = args.get("count").asInt();
        List<Map<String, Object>> received = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(args)) {
            List<TopicPartition> partitions = new ArrayList<>();
            args.get("partitions").forEach(number -> partitions.add(new TopicPartition(topic, number.asInt())));
            consumer.assign(partitions);
            seek(consumer, partitions, args.get("from"));
            long untilMs = System.currentTimeMillis() + args.path("timeoutMs").asLong(20_000);
            while (received.size() < count && System.currentTimeMillis() < untilMs) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) received.add(describe(record));
            }
        }
        return received;
    }

    private static void seek(KafkaConsumer<byte[], byte[]> consumer, List<TopicPartition> partitions, JsonNode from) {
        switch (from.get("kind").asText()) {
            case "beginning" -> consumer.seekToBeginning(partitions);
            case "end" -> {
                consumer.seekToEnd(partitions);
                for (TopicPartition partition : partitions) consumer.position(partition);
            }
            case "offset" -> partitions.forEach(partition -> consumer.seek(partition, from.get("offset").asLong()));
            case "timestamp" -> {
                Map<TopicPartition, Long> asked = new LinkedHashMap<>();
                partitions.forEach(partition -> asked.put(partition, from.get("timestampMs").asLong()));
                Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(asked);
                for (TopicPartition partition : partitions) {
                    if (found.get(partition) != null) consumer.seek(partition, found.get(partition).offset());
                    else consumer.seekToEnd(List.of(partition));
                }
            }
            default -> throw new IllegalArgumentException("from " + from);
        }
    }

    static KafkaProducer<byte[], byte[]> producer(JsonNode args) {
        return new KafkaProducer<>(properties(args), new ByteArraySerializer(), new ByteArraySerializer());
    }

    static KafkaConsumer<byte[], byte[]> consumer(JsonNode args) {
        return new KafkaConsumer<>(properties(args), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static Properties properties(JsonNode args) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args.get("bootstrap").asText());
        args.path("config").fields().forEachRemaining(entry -> properties.put(entry.getKey(), entry.getValue().asText()));
        return properties;
    }

    static ProducerRecord<byte[], byte[]> record(String topic, JsonNode message) {
        Integer partition = message.hasNonNull("p") ? message.get("p").asInt() : null;
        Long timestamp = message.hasNonNull("t") ? message.get("t").asLong() : null;
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, partition, timestamp, bytes(message.get("k")), bytes(message.get("v")));
        for (JsonNode header : message.path("h")) record.headers().add(header.get(0).asText(), bytes(header.get(1)));
        return record;
    }

    static Map<String, Object> describe(ConsumerRecord<byte[], byte[]> record) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("p", record.partition());
        facts.put("o", record.offset());
        facts.put("t", record.timestamp());
        facts.put("k", text(record.key()));
        facts.put("v", text(record.value()));
        List<List<String>> headers = new ArrayList<>();
        for (Header header : record.headers()) headers.add(java.util.Arrays.asList(header.key(), text(header.value())));
        facts.put("h", headers);
        return facts;
    }

    private static byte[] bytes(JsonNode node) {
        return node == null || node.isNull() ? null : Base64.getDecoder().decode(node.asText());
    }

    private static String text(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }
}
