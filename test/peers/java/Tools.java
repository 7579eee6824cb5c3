import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Kafka's own command line tools inside this JVM: each run has standard streams, an exit code and shutdown hooks
 * of its own, inherited by the threads that it starts. Several runs may go on at once.
 */
final class Tools {
    private static final InheritableThreadLocal<ToolRun> current = new InheritableThreadLocal<>();
    private static final Map<Integer, ToolRun> runs = new ConcurrentHashMap<>();
    private static final AtomicInteger runNext = new AtomicInteger();

    /** Thrown where a tool calls exit, so that the rest of it does not run. */
    private static final class Exited extends Error {
        Exited() {
            super("exit", null, false, false);
        }
    }

    private static final class ToolRun {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final ByteArrayOutputStream err = new ByteArrayOutputStream();
        final InputStream in;
        private final List<Runnable> hooks = new ArrayList<>();
        /** Set by the first exit; what is printed from there on only reports the error that stands in for the exit. */
        private volatile Integer exiting;
        volatile boolean muted;
        /** Set once all is done. */
        volatile Integer status;
        /** Threads that the tool starts, and shutdown hooks that it gives to the JVM, belong to it. */
        final ThreadGroup group = new ThreadGroup("tool");
        Thread thread;

        ToolRun(byte[] input) {
            in = new ByteArrayInputStream(input);
        }

        /** The first exit counts: tools catch what stops them and exit again. */
        synchronized void exit(int code) {
            if (exiting == null) exiting = code;
        }

        synchronized void addHook(Runnable hook) {
            hooks.add(hook);
        }

        private synchronized List<Runnable> takeHooks() {
            List<Runnable> taken = new ArrayList<>(hooks);
            hooks.clear();
            return taken;
        }

        /** As the JVM does when it ends, each hook once. */
        void runHooks() {
            muted = false;
            takeHooks().forEach(Runnable::run);
            for (Thread hook : takeThreadHooks(group)) {
                hook.start();
                try {
                    hook.join(10_000);
                } catch (InterruptedException stopped) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        void finish() {
            runHooks();
            status = exiting;
        }
    }

    /** Puts streams and exit procedures in place that lead to the run of the calling thread. */
    static void install() {
        PrintStream ownErr = System.err;
        System.setOut(new PrintStream(new Leading(ownErr, false), true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(new Leading(ownErr, true), true, StandardCharsets.UTF_8));
        System.setIn(new LeadingInput());
        Exit.Procedure procedure = (code, message) -> {
            ToolRun run = current.get();
            if (run == null) Runtime.getRuntime().halt(code);
            else {
                run.exit(code);
                run.muted = true;
            }
            throw new Exited();
        };
        Exit.setExitProcedure(procedure);
        Exit.setHaltProcedure(procedure);
        Exit.setShutdownHookAdder((name, hook) -> {
            ToolRun run = current.get();
            if (run != null) run.addHook(hook);
        });
    }

    static void register(Map<String, Worker.Operation> operations) {
        operations.put("tool.run", args -> {
            ToolRun run = begin(args);
            run.thread.join(args.path("timeoutMs").asLong(60_000));
            if (run.thread.isAlive()) stop(run);
            return describe(run);
        });
        operations.put("tool.start", args -> {
            int id = runNext.incrementAndGet();
            runs.put(id, begin(args));
            return Map.of("run", id);
        });
        operations.put("tool.read", args -> describe(runs.get(args.get("run").asInt())));
        operations.put("tool.stop", args -> {
            ToolRun run = runs.remove(args.get("run").asInt());
            stop(run);
            return describe(run);
        });
    }

    private static ToolRun begin(JsonNode args) throws Exception {
        ToolRun run = new ToolRun(args.path("stdin").asText("").getBytes(StandardCharsets.UTF_8));
        List<String> words = new ArrayList<>();
        args.get("args").forEach(word -> words.add(word.asText()));
        java.lang.reflect.Method main = Class.forName(args.get("main").asText()).getMethod("main", String[].class);
        run.thread = new Thread(run.group, () -> {
            current.set(run);
            try {
                main.invoke(null, (Object) words.toArray(new String[0]));
                run.exit(0);
            } catch (java.lang.reflect.InvocationTargetException failure) {
                if (!(failure.getCause() instanceof Exited)) failure.getCause().printStackTrace();
                run.exit(1);
            } catch (IllegalAccessException impossible) {
                throw new IllegalStateException(impossible);
            } finally {
                run.finish();
                current.remove();
            }
        }, "tool-" + args.get("main").asText());
        run.thread.setDaemon(true);
        run.thread.start();
        return run;
    }

    /** Some tools register their hooks with the JVM itself; there they are only to be found by reflection. */
    @SuppressWarnings("unchecked")
    private static List<Thread> takeThreadHooks(ThreadGroup group) {
        try {
            Class<?> owner = Class.forName("java.lang.ApplicationShutdownHooks");
            java.lang.reflect.Field field = owner.getDeclaredField("hooks");
            field.setAccessible(true);
            List<Thread> taken = new ArrayList<>();
            synchronized (owner) {
                for (Thread hook : List.copyOf(((Map<Thread, Thread>) field.get(null)).keySet())) {
                    if (hook.getThreadGroup() == group && Runtime.getRuntime().removeShutdownHook(hook)) taken.add(hook);
                }
            }
            return taken;
        } catch (ReflectiveOperationException missing) {
            throw new IllegalStateException(missing);
        }
    }

    /** As SIGTERM would: runs the hooks, then waits for the tool to end. */
    private static void stop(ToolRun run) throws InterruptedException {
        Thread hooking = new Thread(() -> {
            current.set(run);
            run.runHooks();
        });
        hooking.setDaemon(true);
        hooking.start();
        run.thread.join(10_000);
        if (run.thread.isAlive()) {
            run.thread.interrupt();
            run.thread.join(2_000);
        }
    }

    private static Map<String, Object> describe(ToolRun run) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("running", run.thread.isAlive());
        facts.put("exit", run.status);
        facts.put("out", run.out.toString(StandardCharsets.UTF_8));
        facts.put("err", run.err.toString(StandardCharsets.UTF_8));
        return facts;
    }

    private static final class Leading extends OutputStream {
        private final OutputStream otherwise;
        private final boolean isErr;

        Leading(OutputStream otherwise, boolean isErr) {
            this.otherwise = otherwise;
            this.isErr = isErr;
        }

        private OutputStream target() {
            ToolRun run = current.get();
            if (run == null) return otherwise;
            if (run.muted) return OutputStream.nullOutputStream();
            return isErr ? run.err : run.out;
        }

        @Override
        public void write(int value) throws IOException {
            target().write(value);
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            target().write(bytes, from, length);
        }

        @Override
        public void flush() throws IOException {
            target().flush();
        }
    }

    private static final class LeadingInput extends InputStream {
        private InputStream target() {
            ToolRun run = current.get();
            return run == null ? InputStream.nullInputStream() : run.in;
        }

        @Override
        public int read() throws IOException {
            return target().read();
        }

        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
            return target().read(bytes, from, length);
        }

        @Override
        public int available() throws IOException {
            return target().available();
        }
    }
}
