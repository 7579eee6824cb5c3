import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/** Members of consumer groups: each polls on a thread of its own and keeps what it was given until asked. */
final class Members {
    private static final Map<Integer, Member> members = new ConcurrentHashMap<>();
    private static final AtomicInteger memberNext = new AtomicInteger();

    static void register(Map<String, Worker.Operation> operations) {
        operations.put("member.join", args -> {
            int id = memberNext.incrementAndGet();
            Member member = new Member(args);
            members.put(id, member);
            member.start();
            return Map.of("member", id);
        });
        operations.put("member.state", args -> members.get(args.get("member").asInt()).drain());
        operations.put("member.commit", args -> {
            members.get(args.get("member").asInt()).commit().get();
            return null;
        });
        operations.put("member.leave", args -> {
            Member member = members.remove(args.get("member").asInt());
            member.leave();
            return member.drain();
        });
    }

    private static final class Member extends Thread implements ConsumerRebalanceListener {
        private final KafkaConsumer<byte[], byte[]> consumer;
        private final List<String> topics = new ArrayList<>();
        private final String pattern;
        private final TreeSet<String> assigned = new TreeSet<>();
        private List<Map<String, Object>> received = new ArrayList<>();
        private List<Map<String, Object>> events = new ArrayList<>();
        private volatile boolean leaving;
        private volatile CompletableFuture<Void> committing;
        private String failure;

        Member(JsonNode args) {
            super("member");
            setDaemon(true);
            consumer = Records.consumer(args);
            args.get("topics").forEach(topic -> topics.add(topic.asText()));
            pattern = args.has("pattern") ? args.get("pattern").asText() : null;
        }

        /** Clients before 4.0 have no such class. */
        private void subscribeByPattern() {
            try {
                Class<?> type = Class.forName("org.apache.kafka.clients.consumer.SubscriptionPattern");
                consumer.getClass().getMethod("subscribe", type, ConsumerRebalanceListener.class).invoke(consumer, type.getConstructor(String.class).newInstance(pattern), this);
            } catch (ReflectiveOperationException missing) {
                throw new IllegalStateException(missing);
            }
        }

        @Override
        public void run() {
            try {
                if (pattern == null) consumer.subscribe(topics, this);
                else subscribeByPattern();
                while (!leaving) {
                    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) add(record);
                    CompletableFuture<Void> asked = committing;
                    if (asked != null) {
                        committing = null;
                        try {
                            consumer.commitSync();
                            asked.complete(null);
                        } catch (RuntimeException refused) {
                            asked.completeExceptionally(refused);
                        }
                    }
                }
            } catch (RuntimeException failed) {
                failure = Worker.errorName(failed) + ": " + failed;
            } finally {
                consumer.close();
            }
        }

        private synchronized void add(ConsumerRecord<byte[], byte[]> record) {
            received.add(Records.describe(record));
        }

        CompletableFuture<Void> commit() {
            CompletableFuture<Void> asked = new CompletableFuture<>();
            committing = asked;
            return asked;
        }

        void leave() throws InterruptedException {
            leaving = true;
            join(30_000);
        }

        synchronized Map<String, Object> drain() {
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("assigned", new ArrayList<>(assigned));
            facts.put("received", received);
            facts.put("events", events);
            facts.put("failure", failure);
            received = new ArrayList<>();
            events = new ArrayList<>();
            return facts;
        }

        private synchronized void note(String kind, Collection<TopicPartition> partitions) {
            List<String> names = partitions.stream().map(partition -> partition.topic() + "-" + partition.partition()).sorted().collect(Collectors.toList());
            if (kind.equals("assigned")) assigned.addAll(names);
            else names.forEach(assigned::remove);
            events.add(Map.of("kind", kind, "partitions", names));
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            note("assigned", partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            note("revoked", partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            note("lost", partitions);
        }
    }
}
