// Transactions for the benches, by the Java client. Modes:
//   stream <bootstrap> <topic> <producers> <record bytes> <seconds> <commit every ms>: as fast as it goes, a commit each so many milliseconds
//   small  <bootstrap> <topic> <producers> <record bytes> <seconds> <transactions per second> <records each>: open loop, latencies from when each was due
//   pipe   <bootstrap> <topic> 1 <record bytes> <seconds> <records>: consumes what is there, writes it to <topic>-out, commits offsets with it, each 100 ms
// Prints one JSON line like Load.java; commit* are of the call that commits. Counts after a warm-up, which it tells on standard error.
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Transactions {
    /** Latencies in steps of one per cent. */
    private static final class Histogram {
        private static final double STEP = Math.log(1.01);
        private final AtomicLongArray counts = new AtomicLongArray(2400);

        void record(long ns) {
            counts.incrementAndGet(Math.min(2399, (int) (Math.log(Math.max(1, ns / 1000.0)) / STEP)));
        }

        double quantile(double q) {
            long all = 0;
            for (int i = 0; i < 2400; i++) all += counts.get(i);
            long need = (long) Math.ceil(all * q), seen = 0;
            for (int i = 0; i < 2400; i++) {
                seen += counts.get(i);
                if (seen >= need && seen > 0) return Math.exp((i + 1) * STEP);
            }
            return 0;
        }
    }

    private static final Histogram commits = new Histogram(), whole = new Histogram();
    private static final AtomicLong records = new AtomicLong(), transactions = new AtomicLong();
    private static volatile boolean counting = false;
    private static volatile Throwable failure;

    public static void main(String[] args) throws Exception {
        String bootstrap = args[1], topic = args[2];
        int producers = Integer.parseInt(args[3]), bytes = Integer.parseInt(args[4]);
        double seconds = Double.parseDouble(args[5]);
        if (args[0].equals("pipe")) {
            pipe(bootstrap, topic, Long.parseLong(args[6]));
            return;
        }
        long warmNs = (long) (Math.min(5, seconds / 3) * 1e9);
        KafkaProducer<?, ?>[] clients = new KafkaProducer<?, ?>[producers];
        for (int i = 0; i < producers; i++) {
            clients[i] = producer(bootstrap, topic + "-" + i, args[0].equals("stream") ? "5" : "0");
            clients[i].initTransactions();
        }
        long startNs = System.nanoTime(), endNs = startNs + warmNs + (long) (seconds * 1e9);
        Thread[] threads = new Thread[producers];
        for (int i = 0; i < producers; i++) {
            @SuppressWarnings("unchecked") KafkaProducer<byte[], byte[]> producer = (KafkaProducer<byte[], byte[]>) clients[i];
            int number = i;
            threads[i] = new Thread(() -> {
                try {
                    if (args[0].equals("stream")) stream(producer, topic, bytes, Long.parseLong(args[6]) * 1_000_000, endNs);
                    else small(producer, topic, bytes, Integer.parseInt(args[7]), 1e9 * producers / Double.parseDouble(args[6]), startNs + (long) (number * 1e9 / Double.parseDouble(args[6])), endNs);
                } catch (Throwable thrown) {
                    failure = thrown;
                }
            });
            threads[i].start();
        }
        LockSupport.parkNanos(Math.max(1, startNs + warmNs - System.nanoTime()));
        begin();
        long fromNs = System.nanoTime();
        for (Thread thread : threads) thread.join();
        print((System.nanoTime() - fromNs) / 1e9);
    }

    private static void stream(KafkaProducer<byte[], byte[]> producer, String topic, int bytes, long everyNs, long endNs) {
        byte[] value = new byte[bytes];
        while (System.nanoTime() < endNs) {
            long fromNs = System.nanoTime(), untilNs = fromNs + everyNs;
            producer.beginTransaction();
            long sent = 0;
            do {
                for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>(topic, value));
                sent += 100;
            } while (System.nanoTime() < untilNs);
            commit(producer, fromNs, sent);
        }
    }

    private static void small(KafkaProducer<byte[], byte[]> producer, String topic, int bytes, int each, double periodNs, long startNs, long endNs) {
        byte[] value = new byte[bytes];
        int partitions = producer.partitionsFor(topic).size();
        for (long n = 0; ; n++) {
            long dueNs = startNs + (long) (n * periodNs);
            if (dueNs >= endNs) return;
            for (long wait = dueNs - System.nanoTime(); wait > 0; wait = dueNs - System.nanoTime()) LockSupport.parkNanos(wait);
            producer.beginTransaction();
            for (int i = 0; i < each; i++) producer.send(new ProducerRecord<>(topic, (int) ((n + i) % partitions), null, value));
            commit(producer, dueNs, each);
        }
    }

    private static void commit(KafkaProducer<byte[], byte[]> producer, long fromNs, long sent) {
        producer.flush(); // the commit itself, not the records before it, is what is measured
        long commitNs = System.nanoTime();
        producer.commitTransaction();
        long now = System.nanoTime();
        if (!counting) return;
        commits.record(now - commitNs);
        whole.record(now - fromNs);
        records.addAndGet(sent);
        transactions.incrementAndGet();
    }

    private static void pipe(String bootstrap, String topic, long count) throws Exception {
        String out = topic + "-out";
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        try (Admin admin = Admin.create(p)) {
            admin.createTopics(List.of(new NewTopic(out, 4, (short) 1))).all().get();
            p.put("group.id", out);
            p.put("enable.auto.commit", "false");
            p.put("auto.offset.reset", "earliest");
            p.put("isolation.level", "read_committed");
            p.put("max.poll.records", "5000");
            try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                KafkaProducer<byte[], byte[]> producer = producer(bootstrap, out, "5")) {
                producer.initTransactions();
                consumer.subscribe(List.of(topic));
                long done = 0, fromNs = 0;
                while (done < count) {
                    producer.beginTransaction();
                    long beganNs = System.nanoTime(), untilNs = beganNs + 100_000_000L, sent = 0;
                    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                    while (System.nanoTime() < untilNs && done + sent < count) {
                        ConsumerRecords<byte[], byte[]> found = consumer.poll(Duration.ofMillis(20));
                        for (ConsumerRecord<byte[], byte[]> record : found) producer.send(new ProducerRecord<>(out, record.partition(), record.key(), record.value()));
                        sent += found.count();
                        for (TopicPartition partition : found.partitions()) offsets.put(partition, new OffsetAndMetadata(consumer.position(partition)));
                        if (fromNs == 0 && sent > 0) { // the group's joining is no part of the work
                            fromNs = System.nanoTime();
                            begin();
                        }
                    }
                    producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                    commit(producer, beganNs, sent);
                    done += sent;
                }
                double seconds = (System.nanoTime() - fromNs) / 1e9;
                admin.deleteTopics(List.of(out)).all().get();
                print(seconds);
            }
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(String bootstrap, String id, String linger) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("transactional.id", id);
        p.put("acks", "all");
        p.put("linger.ms", linger);
        p.put("batch.size", "131072");
        return new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static void begin() {
        counting = true;
        System.err.println("COUNTING");
    }

    private static void print(double counted) {
        if (failure != null) failure.printStackTrace();
        System.out.printf("{\"records\":%d,\"failed\":%d,\"seconds\":%.3f,\"rate\":%.1f,\"transactionsPerSecond\":%.1f,\"p50Us\":%.0f,\"p99Us\":%.0f,\"p999Us\":%.0f,\"maxUs\":%.0f,\"commitP50Us\":%.0f,\"commitP99Us\":%.0f}%n",
            records.get(), failure == null ? 0 : 1, counted, records.get() / counted, transactions.get() / counted, whole.quantile(0.5), whole.quantile(0.99), whole.quantile(0.999), whole.quantile(1), commits.quantile(0.5), commits.quantile(0.99));
        System.out.flush();
        Runtime.getRuntime().halt(failure == null ? 0 : 1);
    }
}
