import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.common.protocol.Errors;

/**
 * One JVM that serves many requests, because starting a JVM for each costs more than the work: requests are lines of
 * JSON {id, op, args} on standard input, answers {id, ok} or {id, error, message} on standard output. It ends when its
 * input ends. Operations: Tools (Kafka's own command line tools), Records, Members, Load, Admins and Histories.
 */
public final class Worker {
    /** One operation; runs on a thread of its own and may block. */
    interface Operation {
        Object run(JsonNode args) throws Exception;
    }

    static final ObjectMapper json = new ObjectMapper();
    private static final Map<String, Operation> operations = new HashMap<>();

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8), 1 << 20);
        Tools.install();
        Tools.register(operations);
        Records.register(operations);
        Members.register(operations);
        Load.register(operations);
        Admins.register(operations);
        Histories.register(operations);
        ExecutorService threads = Executors.newCachedThreadPool(run -> {
            Thread thread = new Thread(run, "operation");
            thread.setDaemon(true);
            return thread;
        });
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            JsonNode request = json.readTree(line);
            threads.submit(() -> answer(answers, request));
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(PrintStream answers, JsonNode request) {
        ObjectNode answer = json.createObjectNode();
        answer.put("id", request.get("id").asInt());
        try {
            Operation operation = operations.get(request.get("op").asText());
            if (operation == null) throw new IllegalArgumentException("no operation " + request.get("op"));
            answer.set("ok", json.valueToTree(operation.run(request.get("args"))));
        } catch (Throwable failure) {
            answer.put("error", errorName(failure));
            answer.put("message", describe(failure));
        }
        byte[] line = (answer + "\n").getBytes(StandardCharsets.UTF_8);
        synchronized (answers) {
            answers.write(line, 0, line.length);
            answers.flush();
        }
    }

    /** Kafka's name of the error that caused a failure, or the class name when it is not one of Kafka's. */
    static String errorName(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            Errors error = Errors.forException(cause);
            if (error != Errors.UNKNOWN_SERVER_ERROR) return error.name();
        }
        return failure.getClass().getSimpleName();
    }

    private static String describe(Throwable failure) {
        java.io.StringWriter text = new java.io.StringWriter();
        failure.printStackTrace(new java.io.PrintWriter(text));
        return text.toString();
    }
}
