import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/** Administration through the Java Admin client. */
final class Admins {
    private interface Work {
        Object run(Admin admin, JsonNode args) throws Exception;
    }

    static void register(Map<String, Worker.Operation> operations) {
        put(operations, "admin.createTopic", (admin, args) -> {
            NewTopic topic = new NewTopic(name(args), Optional.of(args.get("partitions").asInt()), Optional.empty());
            Map<String, String> configs = new HashMap<>();
            args.path("configs").fields().forEachRemaining(entry -> configs.put(entry.getKey(), entry.getValue().asText()));
            admin.createTopics(List.of(topic.configs(configs))).all().get();
            return null;
        });
        put(operations, "admin.deleteTopic", (admin, args) -> admin.deleteTopics(List.of(name(args))).all().get());
        put(operations, "admin.listTopics", (admin, args) -> new TreeSet<>(admin.listTopics().names().get()));
        put(operations, "admin.describeTopic", (admin, args) -> {
            TopicDescription topic = admin.describeTopics(List.of(name(args))).allTopicNames().get().get(name(args));
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("partitions", topic.partitions().size());
            facts.put("leaders", topic.partitions().stream().filter(partition -> partition.leader() != null).count());
            facts.put("internal", topic.isInternal());
            return facts;
        });
        put(operations, "admin.createPartitions", (admin, args) ->
            admin.createPartitions(Map.of(name(args), NewPartitions.increaseTo(args.get("partitions").asInt()))).all().get());
        put(operations, "admin.describeConfig", (admin, args) -> {
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name(args));
            Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            Map<String, Object> facts = new TreeMap<>();
            for (ConfigEntry entry : config.entries()) facts.put(entry.name(), java.util.Arrays.asList(entry.value(), entry.isDefault()));
            return facts;
        });
        put(operations, "admin.alterConfig", (admin, args) -> {
            List<AlterConfigOp> changes = new ArrayList<>();
            args.path("set").fields().forEachRemaining(entry ->
                changes.add(new AlterConfigOp(new ConfigEntry(entry.getKey(), entry.getValue().asText()), AlterConfigOp.OpType.SET)));
            args.path("unset").forEach(key -> changes.add(new AlterConfigOp(new ConfigEntry(key.asText(), null), AlterConfigOp.OpType.DELETE)));
            return admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, name(args)), changes)).all().get();
        });
        put(operations, "admin.deleteRecords", (admin, args) -> {
            TopicPartition partition = partition(args);
            return admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(args.get("offset").asLong()))).lowWatermarks().get(partition).get().lowWatermark();
        });
        put(operations, "admin.listOffset", (admin, args) -> {
            TopicPartition partition = partition(args);
            ListOffsetsResult.ListOffsetsResultInfo found = admin.listOffsets(Map.of(partition, spec(args.get("at")))).partitionResult(partition).get();
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("offset", found.offset());
            facts.put("timestampMs", found.timestamp());
            return facts;
        });
        put(operations, "admin.listGroups", (admin, args) ->
            new TreeSet<>(admin.listConsumerGroups().all().get().stream().map(ConsumerGroupListing::groupId).collect(Collectors.toList())));
        put(operations, "admin.describeGroup", (admin, args) -> {
            ConsumerGroupDescription group = admin.describeConsumerGroups(List.of(group(args))).all().get().get(group(args));
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("state", group.state().name());
            facts.put("members", group.members().size());
            return facts;
        });
        put(operations, "admin.deleteGroup", (admin, args) -> admin.deleteConsumerGroups(List.of(group(args))).all().get());
        put(operations, "admin.groupOffsets", (admin, args) -> {
            Map<String, Object> facts = new TreeMap<>();
            for (Map.Entry<TopicPartition, OffsetAndMetadata> entry : admin.listConsumerGroupOffsets(group(args)).partitionsToOffsetAndMetadata().get().entrySet()) {
                if (entry.getValue() != null) facts.put(entry.getKey().toString(), List.of(entry.getValue().offset(), entry.getValue().metadata()));
            }
            return facts;
        });
        put(operations, "admin.alterGroupOffset", (admin, args) -> admin.alterConsumerGroupOffsets(group(args),
            Map.of(partition(args), new OffsetAndMetadata(args.get("offset").asLong(), args.path("metadata").asText("")))).all().get());
        put(operations, "admin.deleteGroupOffset", (admin, args) ->
            admin.deleteConsumerGroupOffsets(group(args), java.util.Set.of(partition(args))).all().get());
        put(operations, "admin.describeCluster", (admin, args) -> {
            DescribeClusterResult cluster = admin.describeCluster();
            Map<String, Object> facts = new LinkedHashMap<>();
            facts.put("nodes", cluster.nodes().get().size());
            facts.put("hasClusterId", cluster.clusterId().get() != null);
            facts.put("hasController", cluster.controller().get() != null);
            return facts;
        });
    }

    private static void put(Map<String, Worker.Operation> operations, String name, Work work) {
        operations.put(name, args -> {
            try (Admin admin = Admin.create(Records.properties(args))) {
                return work.run(admin, args);
            }
        });
    }

    private static OffsetSpec spec(JsonNode at) {
        return switch (at.get("kind").asText()) {
            case "earliest" -> OffsetSpec.earliest();
            case "latest" -> OffsetSpec.latest();
            case "max-timestamp" -> OffsetSpec.maxTimestamp();
            case "timestamp" -> OffsetSpec.forTimestamp(at.get("timestampMs").asLong());
            default -> throw new IllegalArgumentException("at " + at);
        };
    }

    private static String name(JsonNode args) {
        return args.get("topic").asText();
    }

    private static String group(JsonNode args) {
        return args.get("group").asText();
    }

    private static TopicPartition partition(JsonNode args) {
        return new TopicPartition(name(args), args.get("partition").asInt());
    }
}
