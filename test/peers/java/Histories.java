import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactional clients that go on while the broker comes and goes, and write down what they do and see, in the words of
 * testing/histories/history.ts: an appender writes to several partitions of one topic, a pipe consumes that topic and writes
 * to another one with its offsets in the transaction, a watcher reads both as committed data. A share is aborted on purpose.
 */
final class Histories {
    private static final Map<Integer, Work> works = new ConcurrentHashMap<>();
    private static final AtomicInteger workNext = new AtomicInteger();

    static void register(Map<String, Worker.Operation> operations) {
        operations.put("histories.start", args -> {
            int id = workNext.incrementAndGet();
            Work work = new Work(args);
            works.put(id, work);
            work.start();
            return Map.of("work", id);
        });
        operations.put("histories.progress", args -> Map.of("committed", works.get(args.get("work").asInt()).committed.get()));
        operations.put("histories.stop", args -> works.remove(args.get("work").asInt()).finish());
        operations.put("histories.finals", Histories::finals);
    }

    private interface Loop {
        void turn() throws Exception;

        void close();
    }

    private static final class Work {
        final String bootstrap, name, in, out;
        final int partitions, pauseMs;
        final double aborts;
        final List<Map<String, Object>> transactions = new ArrayList<>(), polls = new ArrayList<>(), positions = new ArrayList<>(), stableEnds = new ArrayList<>();
        final AtomicInteger committed = new AtomicInteger();
        final List<Thread> threads = new ArrayList<>();
        volatile boolean stopping;
        volatile String failure;

        Work(JsonNode args) {
            bootstrap = args.get("bootstrap").asText();
            name = args.get("name").asText();
            in = args.get("in").asText();
            out = args.get("out").asText();
            partitions = args.get("partitions").asInt();
            pauseMs = args.get("pauseMs").asInt();
            aborts = args.get("aborts").asDouble();
        }

        void start() {
            begin(new Appender(this));
            begin(new Pipe(this));
            begin(new Watcher(this));
        }

        private void begin(Loop loop) {
            Thread thread = new Thread(() -> {
                try {
                    while (!stopping) loop.turn();
                } catch (Throwable unexpected) {
                    failure = Worker.errorName(unexpected) + ": " + unexpected;
                } finally {
                    loop.close();
                }
            }, "history");
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }

        Object finish() throws Exception {
            stopping = true;
            for (Thread thread : threads) thread.join(120_000);
            if (failure != null) throw new IllegalStateException(failure);
            synchronized (transactions) {
                return Map.of("transactions", transactions, "polls", polls, "positions", positions, "stableEnds", stableEnds);
            }
        }

        void note(List<Map<String, Object>> list, Map<String, Object> entry) {
            synchronized (transactions) {
                list.add(entry);
            }
        }
    }

    /** Writes under one transactional id; after an error that may not be gone on from with a new producer of that id. */
    private abstract static class Writer implements Loop {
        final Work work;
        final String client;
        final Random random = new Random(7);
        private KafkaProducer<String, String> producer;
        private int number;

        Writer(Work work, String client) {
            this.work = work;
            this.client = client;
        }

        final class Transaction {
            final Map<String, Object> entry = new LinkedHashMap<>();
            final List<Map<String, Object>> writes = new ArrayList<>(), consumed = new ArrayList<>();
            private final List<Future<RecordMetadata>> sent = new ArrayList<>();
            final String name;

            Transaction() {
                int own = number++;
                name = client + "/" + own;
                entry.put("client", client);
                entry.put("number", own);
                entry.put("startedAt", now());
                entry.put("commitAskedAt", null);
                entry.put("endedAt", null);
                entry.put("outcome", "unknown");
                entry.put("writes", writes);
                entry.put("consumed", consumed);
                work.note(work.transactions, entry);
            }

            void write(String topic, int partition) {
                Map<String, Object> write = new LinkedHashMap<>();
                String value = name + "/" + writes.size();
                write.put("key", topic + "-" + partition);
                write.put("value", value);
                write.put("offset", null);
                writes.add(write);
                sent.add(producer.send(new ProducerRecord<>(topic, partition, null, value)));
            }

            void offsets(String group, Map<TopicPartition, OffsetAndMetadata> offsets) {
                producer.sendOffsetsToTransaction(offsets, new ConsumerGroupMetadata(group));
            }

            /** True when it was committed. */
            boolean end(boolean commit) throws Exception {
                if (!commit) {
                    producer.flush(); // what is aborted was sent
                    producer.abortTransaction();
                    ended("aborted");
                    return false;
                }
                entry.put("commitAskedAt", now());
                producer.commitTransaction();
                ended("committed");
                for (int i = 0; i < sent.size(); i++) if (sent.get(i).get().hasOffset()) writes.get(i).put("offset", sent.get(i).get().offset());
                work.committed.incrementAndGet();
                return true;
            }

            private void ended(String outcome) {
                entry.put("outcome", outcome);
                entry.put("endedAt", now());
            }
        }

        /** One transaction. Throws KafkaException, and then nothing is known of it. */
        abstract void transact() throws Exception;

        /** All before is over, one way or the other. */
        void begun() throws Exception {
        }

        @Override
        public void turn() throws Exception {
            try {
                if (producer == null) {
                    Properties p = properties(work);
                    p.put("transactional.id", client);
                    p.put("linger.ms", "2");
                    p.put("request.timeout.ms", "5000");
                    p.put("delivery.timeout.ms", "15000");
                    p.put("max.block.ms", "15000");
                    p.put("transaction.timeout.ms", "8000");
                    producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
                    producer.initTransactions();
                    begun();
                }
                producer.beginTransaction();
                transact();
                Thread.sleep(work.pauseMs);
            } catch (KafkaException | java.util.concurrent.ExecutionException fault) {
                close();
                Thread.sleep(50);
            }
        }

        @Override
        public void close() {
            if (producer != null) producer.close(Duration.ZERO);
            producer = null;
        }
    }

    private static final class Appender extends Writer {
        Appender(Work work) {
            super(work, work.name + "-append");
        }

        @Override
        void transact() throws Exception {
            Transaction transaction = new Transaction();
            for (int count = 1 + random.nextInt(5); count > 0; count--) transaction.write(work.in, random.nextInt(work.partitions));
            transaction.end(random.nextDouble() >= work.aborts);
        }
    }

    private static final class Pipe extends Writer {
        private final KafkaConsumer<String, String> consumer;
        private final List<TopicPartition> inputs;
        private final Map<TopicPartition, Long> next = new LinkedHashMap<>();
        private final String group;
        private int session;

        Pipe(Work work) {
            super(work, work.name + "-pipe");
            group = client;
            inputs = partitionsOf(work, work.in);
            consumer = consumer(work, group, 20);
            consumer.assign(inputs);
        }

        @Override
        void begun() {
            seek();
        }

        /** To where the group is: also after an abort. */
        private void seek() {
            long startedAt = now();
            Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(new java.util.HashSet<>(inputs), Duration.ofSeconds(20));
            session++;
            for (TopicPartition input : inputs) {
                OffsetAndMetadata at = committed.get(input);
                next.put(input, at == null ? 0 : at.offset());
                consumer.seek(input, next.get(input));
                Map<String, Object> position = new LinkedHashMap<>();
                position.put("group", group);
                position.put("key", input.toString());
                position.put("offset", at == null ? -1 : at.offset());
                position.put("startedAt", startedAt);
                position.put("endedAt", now());
                work.note(work.positions, position);
            }
        }

        @Override
        void transact() throws Exception {
            Transaction transaction = new Transaction();
            Map<TopicPartition, OffsetAndMetadata> offsets = new LinkedHashMap<>();
            polled(work, consumer, inputs, next, client, session, transaction.name, (input, from, to) -> {
                Map<String, Object> consumed = new LinkedHashMap<>();
                consumed.put("group", group);
                consumed.put("key", input.toString());
                consumed.put("from", from);
                consumed.put("next", to);
                transaction.consumed.add(consumed);
                offsets.put(input, new OffsetAndMetadata(to));
            });
            if (!offsets.isEmpty()) {
                for (int count = 1 + random.nextInt(2); count > 0; count--) transaction.write(work.out, random.nextInt(work.partitions));
                transaction.offsets(group, offsets);
            }
            boolean commits = random.nextDouble() >= work.aborts;
            if (!transaction.end(commits) && !offsets.isEmpty()) seek();
        }

        @Override
        public void close() {
            super.close();
            if (work.stopping) consumer.close(Duration.ofSeconds(1));
        }
    }

    private static final class Watcher implements Loop {
        private final Work work;
        private final KafkaConsumer<String, String> consumer;
        private final List<TopicPartition> all = new ArrayList<>();
        private final Map<TopicPartition, Long> next = new LinkedHashMap<>();
        private final Random random = new Random(8);
        private int session;

        Watcher(Work work) {
            this.work = work;
            all.addAll(partitionsOf(work, work.in));
            all.addAll(partitionsOf(work, work.out));
            consumer = consumer(work, null, 500);
            consumer.assign(all);
            rewind();
        }

        private void rewind() {
            session++;
            for (TopicPartition partition : all) next.put(partition, 0L);
            consumer.seekToBeginning(all);
            for (TopicPartition partition : all) consumer.seek(partition, 0);
        }

        @Override
        public void turn() throws Exception {
            try {
                polled(work, consumer, all, next, work.name + "-watch", session, null, (partition, from, to) -> { });
                if (random.nextInt(20) == 0) ends();
                if (random.nextInt(200) == 0) rewind();
                Thread.sleep(5);
            } catch (KafkaException fault) {
                Thread.sleep(50);
            }
        }

        private void ends() {
            long startedAt = now();
            Map<TopicPartition, Long> ends = consumer.endOffsets(all, Duration.ofSeconds(20));
            long endedAt = now();
            ends.forEach((partition, offset) -> work.note(work.stableEnds, Map.of("key", partition.toString(), "offset", offset, "startedAt", startedAt, "endedAt", endedAt)));
        }

        @Override
        public void close() {
            consumer.close(Duration.ofSeconds(1));
        }
    }

    private interface Moved {
        void partition(TopicPartition partition, long from, long to);
    }

    /** One poll, written down for each partition in which it went on. */
    private static void polled(Work work, KafkaConsumer<String, String> consumer, List<TopicPartition> partitions, Map<TopicPartition, Long> next, String reader, int session, String transaction, Moved moved) {
        long startedAt = now();
        ConsumerRecords<String, String> found = consumer.poll(Duration.ofMillis(100));
        long endedAt = now();
        for (TopicPartition partition : partitions) {
            long from = next.get(partition);
            long to = consumer.position(partition, Duration.ofSeconds(20));
            if (to == from) continue;
            List<Map<String, Object>> records = new ArrayList<>();
            for (ConsumerRecord<String, String> record : found.records(partition)) records.add(Map.of("offset", record.offset(), "value", record.value()));
            Map<String, Object> poll = new LinkedHashMap<>();
            poll.put("reader", reader);
            poll.put("session", session);
            poll.put("key", partition.toString());
            poll.put("from", from);
            poll.put("next", to);
            poll.put("records", records);
            poll.put("startedAt", startedAt);
            poll.put("endedAt", endedAt);
            poll.put("transaction", transaction);
            work.note(work.polls, poll);
            next.put(partition, to);
            moved.partition(partition, from, to);
        }
    }

    /** Everything that is committed, once nothing is open any more: {key: [[offset, value], ...]}. */
    private static Object finals(JsonNode args) throws InterruptedException {
        Work work = new Work(args);
        List<TopicPartition> all = new ArrayList<>(partitionsOf(work, work.in));
        all.addAll(partitionsOf(work, work.out));
        Map<String, List<List<Object>>> found = new LinkedHashMap<>();
        for (TopicPartition partition : all) found.put(partition.toString(), new ArrayList<>());
        Properties uncommitted = consumerProperties(work, null, 500);
        uncommitted.put("isolation.level", "read_uncommitted");
        uncommitted.put("default.api.timeout.ms", "60000");
        try (KafkaConsumer<String, String> reader = consumer(work, null, 2000); KafkaConsumer<String, String> other = new KafkaConsumer<>(uncommitted, new StringDeserializer(), new StringDeserializer())) {
            long untilMs = System.currentTimeMillis() + 60_000;
            Map<TopicPartition, Long> ends = other.endOffsets(all);
            while (!ends.equals(reader.endOffsets(all))) {
                if (System.currentTimeMillis() > untilMs) throw new IllegalStateException("a transaction stays open: all ends at " + ends + ", what is committed at " + reader.endOffsets(all));
                Thread.sleep(100);
                ends = other.endOffsets(all);
            }
            reader.assign(all);
            reader.seekToBeginning(all);
            for (TopicPartition partition : all) {
                while (reader.position(partition) < ends.get(partition)) {
                    if (System.currentTimeMillis() > untilMs + 60_000) throw new IllegalStateException(partition + " is not read to its end " + ends.get(partition));
                    for (ConsumerRecord<String, String> record : reader.poll(Duration.ofMillis(200))) {
                        found.get(record.topic() + "-" + record.partition()).add(List.of(record.offset(), record.value()));
                    }
                }
            }
        }
        return found;
    }

    private static List<TopicPartition> partitionsOf(Work work, String topic) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (int partition = 0; partition < work.partitions; partition++) partitions.add(new TopicPartition(topic, partition));
        return partitions;
    }

    private static KafkaConsumer<String, String> consumer(Work work, String group, int pollMax) {
        return new KafkaConsumer<>(consumerProperties(work, group, pollMax), new StringDeserializer(), new StringDeserializer());
    }

    private static Properties consumerProperties(Work work, String group, int pollMax) {
        Properties p = properties(work);
        if (group != null) p.put("group.id", group);
        p.put("enable.auto.commit", "false");
        p.put("isolation.level", "read_committed");
        p.put("auto.offset.reset", "none");
        p.put("max.poll.records", String.valueOf(pollMax));
        p.put("fetch.max.wait.ms", "100");
        p.put("request.timeout.ms", "5000");
        p.put("default.api.timeout.ms", "20000");
        return p;
    }

    private static Properties properties(Work work) {
        Properties p = new Properties();
        p.put("bootstrap.servers", work.bootstrap);
        p.put("reconnect.backoff.max.ms", "200");
        p.put("retry.backoff.max.ms", "300");
        return p;
    }

    private static long now() {
        return System.currentTimeMillis();
    }
}
