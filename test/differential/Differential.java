// test/differential/Differential.java - the Java side of the differential test: Kafka's own codecs behind one command per line of JSON.
// Owns: turning JSON into Kafka's objects and bytes and back, with the classes of kafka-clients. Never: an opinion; the TypeScript side compares.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;

public class Differential {
    static final ObjectMapper mapper = new ObjectMapper();
    static final Map<String, Method> converters = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
        BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8), 1 << 20);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer = mapper.createObjectNode();
            try {
                answer(mapper.readTree(line), answer);
            } catch (Throwable error) {
                Throwable cause = error instanceof InvocationTargetException ? error.getCause() : error;
                answer.put("error", cause.toString());
            }
            out.write(mapper.writeValueAsString(answer));
            out.write('\n');
            if (!in.ready()) out.flush();
        }
        out.flush();
    }

    static void answer(JsonNode command, ObjectNode answer) throws Exception {
        switch (command.get("op").asText()) {
            case "apis": apis(answer); break;
            case "errors": errors(answer); break;
            case "frame": frame(command, answer); break;
            case "struct": struct(command, answer); break;
            case "write-batch": writeBatch(command, answer); break;
            case "write-marker": writeMarker(command, answer); break;
            case "read-batches": readBatches(command, answer); break;
            default: throw new IllegalArgumentException("no op " + command.get("op"));
        }
    }

    /** Every message with its versions, so that the TypeScript side can tell what it covers. */
    static void apis(ObjectNode answer) {
        ArrayNode list = answer.putArray("apis");
        for (ApiMessageType type : ApiMessageType.values()) {
            ObjectNode one = list.addObject();
            one.put("name", type.name).put("key", type.apiKey());
            one.put("min", type.lowestSupportedVersion()).put("max", type.highestSupportedVersion(false));
        }
    }

    static void errors(ObjectNode answer) {
        ArrayNode list = answer.putArray("errors");
        for (Errors error : Errors.values()) {
            boolean retriable = error.exception() instanceof org.apache.kafka.common.errors.RetriableException;
            list.addObject().put("name", error.name()).put("code", error.code()).put("retriable", retriable);
        }
    }

    // ---- messages ------------------------------------------------------------------------------------------------------

    /** Writes a request or response from JSON, and reads the other side's bytes back. */
    static void frame(JsonNode command, ObjectNode answer) throws Exception {
        ApiMessageType type = ApiMessageType.fromApiKey((short) command.get("key").asInt());
        short version = (short) command.get("version").asInt();
        boolean isRequest = command.get("side").asText().equals("request");
        ApiMessage example = isRequest ? type.newRequest() : type.newResponse();
        Message header;
        short headerVersion;
        if (isRequest) {
            JsonNode clientId = command.get("clientId");
            header = new RequestHeaderData().setRequestApiKey(type.apiKey()).setRequestApiVersion(version)
                .setCorrelationId(command.get("correlationId").asInt()).setClientId(clientId.isNull() ? null : clientId.asText());
            headerVersion = type.requestHeaderVersion(version);
        } else {
            header = new ResponseHeaderData().setCorrelationId(command.get("correlationId").asInt());
            headerVersion = type.responseHeaderVersion(version);
        }
        JsonNode given = command.get("body");
        Message body = given.isNull() ? example : (Message) converter(example.getClass(), "read").invoke(null, given, version);
        ByteBuffer bytes = ByteBuffer.allocate(size(header, headerVersion) + size(body, version));
        write(header, headerVersion, bytes);
        write(body, version, bytes);
        answer.put("bytes", Base64.getEncoder().encodeToString(bytes.array()));
        ByteBuffer theirs = ByteBuffer.wrap(command.get("bytes").binaryValue());
        Message readHeader = isRequest ? new RequestHeaderData() : new ResponseHeaderData();
        readHeader.read(new ByteBufferAccessor(theirs), headerVersion);
        ApiMessage readBody = isRequest ? type.newRequest() : type.newResponse();
        compare(answer, header, readHeader, body, readBody, theirs, version);
    }

    /** The same for a struct on its own. */
    static void struct(JsonNode command, ObjectNode answer) throws Exception {
        Class<?> type = Class.forName(command.get("type").asText());
        short version = (short) command.get("version").asInt();
        Message body = (Message) converter(type, "read").invoke(null, command.get("body"), version);
        ByteBuffer bytes = ByteBuffer.allocate(size(body, version));
        write(body, version, bytes);
        answer.put("bytes", Base64.getEncoder().encodeToString(bytes.array()));
        if (body instanceof ApiMessage) answer.put("prefix", ((ApiMessage) body).apiKey());
        ByteBuffer theirs = ByteBuffer.wrap(command.get("bytes").binaryValue());
        Message read = (Message) type.getDeclaredConstructor().newInstance();
        compare(answer, body, body, body, read, theirs, version);
    }

    static void compare(ObjectNode answer, Message header, Message readHeader, Message body, Message readBody, ByteBuffer theirs, short version) throws Exception {
        readBody.read(new ByteBufferAccessor(theirs), version);
        boolean same = header.equals(readHeader) && body.equals(readBody) && theirs.remaining() == 0;
        answer.put("same", same);
        if (!same) answer.set("read", (JsonNode) converter(readBody.getClass(), "write").invoke(null, readBody, version));
    }

    static int size(Message message, short version) {
        return message.size(new ObjectSerializationCache(), version);
    }

    static void write(Message message, short version, ByteBuffer into) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        message.size(cache, version);
        message.write(new ByteBufferAccessor(into), cache, version);
    }

    static Method converter(Class<?> type, String name) throws Exception {
        String key = type.getName() + "." + name;
        Method method = converters.get(key);
        if (method == null) {
            Class<?> converter = Class.forName(type.getName() + "JsonConverter");
            method = name.equals("read") ? converter.getMethod("read", JsonNode.class, short.class) : converter.getMethod("write", type, short.class);
            converters.put(key, method);
        }
        return method;
    }

    // ---- batches -------------------------------------------------------------------------------------------------------

    static Compression compression(String name) {
        switch (name) {
            case "none": return Compression.NONE;
            case "gzip": return Compression.gzip().build();
            case "snappy": return Compression.snappy().build();
            case "lz4": return Compression.lz4().build();
            case "zstd": return Compression.zstd().build();
            default: throw new IllegalArgumentException("no codec " + name);
        }
    }

    static void writeBatch(JsonNode command, ObjectNode answer) throws Exception {
        byte magic = (byte) command.get("magic").asInt();
        boolean appendTime = command.hasNonNull("logAppendTimeMs");
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(1024), magic, compression(command.get("codec").asText()),
            appendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, command.get("baseOffset").asLong(),
            appendTime ? command.get("logAppendTimeMs").asLong() : RecordBatch.NO_TIMESTAMP,
            command.get("producerId").asLong(), (short) command.get("producerEpoch").asInt(), command.get("baseSequence").asInt(),
            command.get("transactional").asBoolean(), command.get("partitionLeaderEpoch").asInt());
        for (JsonNode record : command.get("records")) {
            List<Header> headers = new ArrayList<>();
            for (JsonNode header : record.get("headers")) headers.add(new RecordHeader(header.get("key").asText(), bytes(header.get("value"))));
            builder.append(record.get("timestampMs").asLong(), bytes(record.get("key")), bytes(record.get("value")), headers.toArray(new Header[0]));
        }
        answer.put("bytes", base64(builder.build().buffer()));
    }

    static void writeMarker(JsonNode command, ObjectNode answer) {
        ControlRecordType type = command.get("type").asText().equals("commit") ? ControlRecordType.COMMIT : ControlRecordType.ABORT;
        MemoryRecords records = MemoryRecords.withEndTransactionMarker(command.get("baseOffset").asLong(), command.get("timestampMs").asLong(),
            command.get("partitionLeaderEpoch").asInt(), command.get("producerId").asLong(), (short) command.get("producerEpoch").asInt(),
            new EndTransactionMarker(type, command.get("coordinatorEpoch").asInt()));
        answer.put("bytes", base64(records.buffer()));
    }

    static void readBatches(JsonNode command, ObjectNode answer) throws Exception {
        MemoryRecords all = MemoryRecords.readableRecords(ByteBuffer.wrap(command.get("bytes").binaryValue()));
        ArrayNode batches = answer.putArray("batches");
        for (MutableRecordBatch batch : all.batches()) {
            batch.ensureValid();
            ObjectNode one = batches.addObject();
            one.put("baseOffset", batch.baseOffset()).put("lastOffset", batch.lastOffset()).put("sizeBytes", batch.sizeInBytes());
            one.put("codec", batch.compressionType().name).put("count", batch.countOrNull()).put("maxTimestampMs", batch.maxTimestamp());
            one.put("logAppendTime", batch.timestampType() == TimestampType.LOG_APPEND_TIME).put("leaderEpoch", batch.partitionLeaderEpoch());
            one.put("producerId", batch.producerId()).put("producerEpoch", batch.producerEpoch()).put("baseSequence", batch.baseSequence());
            one.put("transactional", batch.isTransactional()).put("control", batch.isControlBatch());
            ArrayNode records = one.putArray("records");
            for (Record record : batch) {
                ObjectNode row = records.addObject();
                row.put("offset", record.offset()).put("timestampMs", record.timestamp());
                row.put("key", record.hasKey() ? base64(record.key()) : null).put("value", record.hasValue() ? base64(record.value()) : null);
                ArrayNode headers = row.putArray("headers");
                for (Header header : record.headers()) {
                    headers.addObject().put("key", header.key()).put("value", header.value() == null ? null : Base64.getEncoder().encodeToString(header.value()));
                }
            }
        }
    }

    static byte[] bytes(JsonNode node) throws Exception {
        return node.isNull() ? null : node.binaryValue();
    }

    static String base64(ByteBuffer buffer) {
        return Base64.getEncoder().encodeToString(MessageUtil.byteBufferToArray(buffer.duplicate()));
    }
}
