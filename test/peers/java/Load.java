import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A producer that goes on while the broker comes and goes: numbered records "key:number" over a few keys, until told to
 * stop. It keeps which were acknowledged, and where.
 */
final class Load {
    private static final Map<Integer, Producing> loads = new ConcurrentHashMap<>();
    private static final AtomicInteger loadNext = new AtomicInteger();

    static void register(Map<String, Worker.Operation> operations) {
        operations.put("load.start", args -> {
            int id = loadNext.incrementAndGet();
            Producing load = new Producing(args);
            loads.put(id, load);
            load.start();
            return Map.of("load", id);
        });
        operations.put("load.count", args -> Map.of("acked", loads.get(args.get("load").asInt()).count()));
        operations.put("load.stop", args -> loads.remove(args.get("load").asInt()).finish());
    }

    private static final class Producing extends Thread {
        private final KafkaProducer<byte[], byte[]> producer;
        private final String topic;
        private final int keys;
        private final long pauseMicros;
        private final List<List<Object>> acked = new ArrayList<>();
        private final List<List<Object>> failed = new ArrayList<>();
        private volatile boolean stopping;

        Producing(JsonNode args) {
            super("load");
            setDaemon(true);
            producer = Records.producer(args);
            topic = args.get("topic").asText();
            keys = args.get("keys").asInt();
            pauseMicros = 1_000_000L / args.get("rate").asInt();
        }

        @Override
        public void run() {
            int[] next = new int[keys];
            for (int turn = 0; !stopping; turn++) {
                int key = turn % keys;
                int number = next[key]++;
                byte[] keyBytes = ("k" + key).getBytes(StandardCharsets.UTF_8);
                byte[] value = (key + ":" + number).getBytes(StandardCharsets.UTF_8);
                producer.send(new ProducerRecord<>(topic, keyBytes, value), (metadata, failure) -> {
                    synchronized (acked) {
                        if (failure == null) acked.add(List.of(key, number, metadata.partition(), metadata.offset()));
                        else failed.add(List.of(key, number, Worker.errorName(failure)));
                    }
                });
                java.util.concurrent.locks.LockSupport.parkNanos(pauseMicros * 1000);
            }
        }

        int count() {
            synchronized (acked) {
                return acked.size();
            }
        }

        Map<String, Object> finish() throws InterruptedException {
            stopping = true;
            join();
            producer.close();
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("acked", acked);
            facts.put("failed", failed);
            return facts;
        }
    }
}
