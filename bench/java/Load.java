// bench/java/Load.java - loads that Kafka's own tools do not offer, by the Java client, printed as one line of JSON.
//   closed BOOTSTRAP TOPIC PRODUCERS BYTES SECONDS            each producer waits for its ack before the next record (1 record a request)
//   paced  BOOTSTRAP TOPIC PRODUCERS BYTES SECONDS RATE       open loop: RATE records/s in all, latency counted from the time a record was due
//   trip   BOOTSTRAP TOPIC 1 BYTES SECONDS                    one record at a time: sent, acknowledged by all, and polled by a consumer that is at the end
//                                                           (what Kafka's EndToEndLatency does, which since 4.0 prints whole milliseconds only)
//   raw    BOOTSTRAP TOPIC CONNECTIONS BYTES SECONDS          closed loop like 'closed', but each connection sends one ready-made Produce request again and again from one
//                                                           thread: the broker is measured, not the producer (whose cost is most of the two cores in 'closed')
//   tick   BOOTSTRAP TOPIC CONNECTIONS BYTES SECONDS RATE     open loop like 'paced' by ready-made requests: each connection sends one every 5 ms, with the records of these
//                                                           5 ms, each to another partition if there are so many (as a producer with linger.ms=5 does); TOPIC may be
//                                                           several with commas between, which take turns. Four
//                                                           producers of 'paced' over a thousand partitions take all of two cores themselves
// Latencies are in microseconds, into a histogram with 1 % steps, so that a long run keeps constant memory.
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.RequestHeader;
import org.apache.kafka.common.requests.RequestUtils;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Load {
    private static final double STEP = Math.log(1.01);
    private static final AtomicLongArray counts = new AtomicLongArray(2000);
    private static final AtomicLong sent = new AtomicLong();
    private static final AtomicLong failed = new AtomicLong();
    private static volatile boolean counting = false;

    public static void main(String[] args) throws Exception {
        String mode = args[0];
        int producers = Integer.parseInt(args[3]);
        int bytes = Integer.parseInt(args[4]);
        double seconds = Double.parseDouble(args[5]);
        double rate = mode.equals("paced") || mode.equals("tick") ? Double.parseDouble(args[6]) : 0;
        long warmNs = (long) (Math.min(5, seconds / 3) * 1e9);
        if (mode.equals("raw")) {
            raw(args[1], args[2], producers, bytes, warmNs, (long) (seconds * 1e9));
            return;
        }
        if (mode.equals("tick")) {
            tick(args[1], args[2], producers, bytes, rate, warmNs, (long) (seconds * 1e9));
            return;
        }
        List<KafkaProducer<byte[], byte[]>> clients = new ArrayList<>();
        for (int i = 0; i < producers; i++) {
            KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(args[1], mode), new ByteArraySerializer(), new ByteArraySerializer());
            producer.send(new ProducerRecord<>(args[2], new byte[bytes])).get();
            clients.add(producer);
        }
        long startNs = System.nanoTime();
        long endNs = startNs + warmNs + (long) (seconds * 1e9);
        Thread[] threads = new Thread[producers];
        for (int i = 0; i < producers; i++) {
            KafkaProducer<byte[], byte[]> producer = clients.get(i);
            threads[i] = new Thread(switch (mode) {
                case "paced" -> () -> paced(producer, args[2], bytes, rate / producers, endNs);
                case "trip" -> () -> trip(producer, args[1], args[2], bytes, endNs);
                default -> () -> closed(producer, args[2], bytes, endNs);
            });
            threads[i].start();
        }
        LockSupport.parkNanos(Math.max(1, startNs + warmNs - System.nanoTime()));
        counting = true;
        long countedFromNs = System.nanoTime();
        System.err.println("COUNTING");
        for (Thread thread : threads) thread.join();
        double counted = (System.nanoTime() - countedFromNs) / 1e9;
        print(counted);
    }

    private static Properties properties(String bootstrap, String mode) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("acks", "all");
        p.put("linger.ms", mode.equals("paced") ? "5" : "0");
        if (mode.equals("closed")) p.put("batch.size", "0");
        return p;
    }

    private static void closed(KafkaProducer<byte[], byte[]> producer, String topic, int bytes, long endNs) {
        byte[] value = new byte[bytes];
        while (System.nanoTime() < endNs) {
            long from = System.nanoTime();
            try {
                producer.send(new ProducerRecord<>(topic, value)).get();
                record(System.nanoTime() - from);
            } catch (Exception e) {
                failed.incrementAndGet();
                System.err.println(e);
            }
        }
    }

    private static void paced(KafkaProducer<byte[], byte[]> producer, String topic, int bytes, double rate, long endNs) {
        byte[] value = new byte[bytes];
        int partitions = producer.partitionsFor(topic).size();
        long startNs = System.nanoTime();
        for (long n = 0; ; n++) {
            long dueNs = startNs + (long) (n * 1e9 / rate);
            if (dueNs >= endNs) break;
            long wait = dueNs - System.nanoTime();
            if (wait > 50_000) LockSupport.parkNanos(wait);
            producer.send(new ProducerRecord<>(topic, (int) (n % partitions), null, value), (metadata, error) -> {
                if (error != null) { failed.incrementAndGet(); System.err.println(error); }
                else record(System.nanoTime() - dueNs);
            });
        }
        producer.flush();
    }

    private static void trip(KafkaProducer<byte[], byte[]> producer, String bootstrap, String topic, int bytes, long endNs) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("fetch.max.wait.ms", "0");
        byte[] value = new byte[bytes];
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(partition));
            consumer.seekToEnd(List.of(partition));
            consumer.position(partition);
            while (System.nanoTime() < endNs) {
                long from = System.nanoTime();
                producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
                while (consumer.poll(Duration.ofSeconds(10)).isEmpty()) { }
                record(System.nanoTime() - from);
            }
        } catch (Exception e) {
            failed.incrementAndGet();
            System.err.println(e);
        }
    }

    /** One ready-made Produce request (version 9, acks all, not idempotent) with its length in front: a batch of `each` records for every one of the partitions. */
    private static ByteBuffer produceRequest(String topic, int bytes, int[] partitions, int each) {
        SimpleRecord[] records = new SimpleRecord[each];
        for (int i = 0; i < each; i++) records[i] = new SimpleRecord(System.currentTimeMillis(), new byte[bytes]);
        List<ProduceRequestData.PartitionProduceData> batches = new ArrayList<>();
        for (int partition : partitions) batches.add(new ProduceRequestData.PartitionProduceData().setIndex(partition).setRecords(MemoryRecords.withRecords(Compression.NONE, records)));
        ProduceRequestData data = new ProduceRequestData().setAcks((short) -1).setTimeoutMs(30_000);
        data.topicData().add(new ProduceRequestData.TopicProduceData().setName(topic).setPartitionData(batches));
        RequestHeader header = new RequestHeader(ApiKeys.PRODUCE, (short) 9, "raw", 1);
        ByteBuffer body = RequestUtils.serialize(header.data(), header.headerVersion(), data, (short) 9);
        ByteBuffer framed = ByteBuffer.allocateDirect(4 + body.remaining());
        framed.putInt(body.remaining()).put(body).flip();
        return framed;
    }

    private static final class Peer {
        final ByteBuffer in = ByteBuffer.allocateDirect(4096);
        long sentNs;
    }

    private static void raw(String bootstrap, String topic, int connections, int bytes, long warmNs, long countNs) throws Exception {
        int colon = bootstrap.lastIndexOf(':');
        InetSocketAddress address = new InetSocketAddress(bootstrap.substring(0, colon), Integer.parseInt(bootstrap.substring(colon + 1)));
        ByteBuffer request = produceRequest(topic, bytes, new int[] { 0 }, 1);
        Selector selector = Selector.open();
        for (int i = 0; i < connections; i++) {
            SocketChannel channel = SocketChannel.open(address);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            Peer peer = new Peer();
            channel.register(selector, SelectionKey.OP_READ, peer);
            peer.sentNs = System.nanoTime();
            send(channel, request);
        }
        long countFromNs = System.nanoTime() + warmNs, endNs = countFromNs + countNs;
        for (long now = System.nanoTime(); now < endNs; now = System.nanoTime()) {
            if (!counting && now >= countFromNs) { counting = true; System.err.println("COUNTING"); }
            selector.select(key -> {
                try { answered((SocketChannel) key.channel(), (Peer) key.attachment(), request); } catch (IOException e) { throw new UncheckedIOException(e); }
            }, 100);
        }
        print((System.nanoTime() - countFromNs) / 1e9);
    }

    private static void answered(SocketChannel channel, Peer peer, ByteBuffer request) throws IOException {
        if (channel.read(peer.in) < 0) throw new IOException("the broker closed a connection");
        if (peer.in.position() < 4 || peer.in.position() < 4 + peer.in.getInt(0)) return;
        ByteBuffer answer = peer.in.flip();
        int nameAt = 4 + 4 + 1 + 1; // length, correlation id, tags, count of topics
        int nameBytes = answer.get(nameAt) - 1;
        int errorAt = nameAt + 1 + nameBytes + 1 + 4; // count of partitions, index
        if (answer.getShort(errorAt) != 0) throw new IOException("the broker refused a record");
        peer.in.clear();
        long now = System.nanoTime();
        record(now - peer.sentNs);
        peer.sentNs = now;
        send(channel, request);
    }

    private static void send(SocketChannel channel, ByteBuffer request) throws IOException {
        ByteBuffer copy = request.duplicate();
        while (copy.hasRemaining()) channel.write(copy);
    }

    private static final class Ticker {
        final ByteBuffer in = ByteBuffer.allocateDirect(1 << 16);
        /** When the requests that are not answered were due. */
        final ArrayDeque<Long> due = new ArrayDeque<>();
        SocketChannel channel;
        long nextNs;
        int request;
    }

    private static void tick(String bootstrap, String topic, int connections, int bytes, double rate, long warmNs, long countNs) throws Exception {
        long periodNs = 5_000_000;
        int records = (int) Math.max(1, Math.round(rate * periodNs / 1e9 / connections));
        String[] topics = topic.split(",");
        int partitions = partitionCount(bootstrap, topics[0]);
        int wide = Math.min(records, partitions);
        List<ByteBuffer> requests = new ArrayList<>();
        for (int from = 0; from < partitions; from += wide) {
            int[] some = new int[wide];
            for (int i = 0; i < wide; i++) some[i] = (from + i) % partitions;
            for (String name : topics) requests.add(produceRequest(name, bytes, some, records / wide));
        }
        int colon = bootstrap.lastIndexOf(':');
        InetSocketAddress address = new InetSocketAddress(bootstrap.substring(0, colon), Integer.parseInt(bootstrap.substring(colon + 1)));
        Selector selector = Selector.open();
        Ticker[] tickers = new Ticker[connections];
        long startNs = System.nanoTime() + 100_000_000, countFromNs = startNs + warmNs, endNs = countFromNs + countNs;
        for (int i = 0; i < connections; i++) {
            Ticker ticker = tickers[i] = new Ticker();
            ticker.channel = SocketChannel.open(address);
            ticker.channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            ticker.channel.configureBlocking(false);
            ticker.channel.register(selector, SelectionKey.OP_READ, ticker);
            ticker.nextNs = startNs + i * periodNs / connections;
            ticker.request = i * requests.size() / connections;
        }
        int perRequest = wide * (records / wide);
        for (long now = System.nanoTime(); now < endNs; now = System.nanoTime()) {
            if (!counting && now >= countFromNs) { counting = true; System.err.println("COUNTING"); }
            long firstNs = Long.MAX_VALUE;
            for (Ticker ticker : tickers) {
                while (ticker.nextNs <= now) {
                    ticker.due.add(ticker.nextNs);
                    send(ticker.channel, requests.get(ticker.request++ % requests.size()));
                    ticker.nextNs += periodNs;
                }
                firstNs = Math.min(firstNs, ticker.nextNs);
            }
            long waitNs = firstNs - System.nanoTime();
            if (waitNs <= 0) { selector.selectNow(key -> told((Ticker) key.attachment(), perRequest)); continue; }
            if (waitNs < 1_000_000) { // the selector waits whole milliseconds
                if (selector.selectNow(key -> told((Ticker) key.attachment(), perRequest)) == 0) LockSupport.parkNanos(Math.min(waitNs, 50_000));
            } else selector.select(key -> told((Ticker) key.attachment(), perRequest), waitNs / 1_000_000);
        }
        print((System.nanoTime() - countFromNs) / 1e9);
    }

    private static int partitionCount(String bootstrap, String topic) {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties(bootstrap, "closed"), new ByteArraySerializer(), new ByteArraySerializer())) {
            return producer.partitionsFor(topic).size();
        }
    }

    private static void told(Ticker ticker, int perRequest) {
        try {
            if (ticker.channel.read(ticker.in) < 0) throw new IOException("the broker closed a connection");
        } catch (IOException e) { throw new UncheckedIOException(e); }
        ticker.in.flip();
        while (ticker.in.remaining() >= 4 && ticker.in.remaining() >= 4 + ticker.in.getInt(ticker.in.position())) {
            int size = ticker.in.getInt();
            ByteBuffer answer = ticker.in.slice(ticker.in.position(), size);
            ticker.in.position(ticker.in.position() + size);
            answer.position(5); // correlation id, tags
            for (var topic : new ProduceResponseData(new ByteBufferAccessor(answer), (short) 9).responses())
                for (var partition : topic.partitionResponses())
                    if (partition.errorCode() != 0) { failed.incrementAndGet(); System.err.println("error " + partition.errorCode()); }
            long ns = System.nanoTime() - ticker.due.remove();
            for (int i = 0; i < perRequest; i++) record(ns);
        }
        ticker.in.compact();
    }

    private static void print(double counted) {
        System.out.printf("{\"records\":%d,\"failed\":%d,\"seconds\":%.3f,\"rate\":%.1f,\"p50Us\":%.0f,\"p99Us\":%.0f,\"p999Us\":%.0f,\"maxUs\":%.0f}%n",
            sent.get(), failed.get(), counted, sent.get() / counted, quantile(0.5), quantile(0.99), quantile(0.999), quantile(1));
        System.out.flush();
        Runtime.getRuntime().halt(failed.get() == 0 ? 0 : 1);
    }

    private static void record(long ns) {
        if (!counting) return;
        sent.incrementAndGet();
        counts.incrementAndGet(Math.min(1999, (int) (Math.log(Math.max(1, ns / 1000.0)) / STEP)));
    }

    private static double quantile(double q) {
        long all = 0;
        for (int i = 0; i < 2000; i++) all += counts.get(i);
        long need = (long) Math.ceil(all * q), seen = 0;
        for (int i = 0; i < 2000; i++) {
            seen += counts.get(i);
            if (seen >= need && seen > 0) return Math.exp((i + 1) * STEP);
        }
        return 0;
    }
}
