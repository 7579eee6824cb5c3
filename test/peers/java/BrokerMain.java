/**
 * Starts an Apache Kafka broker and halts it when standard input closes, so that a broker never outlives the
 * process that started it, however that one ends.
 */
public final class BrokerMain {
    public static void main(String[] args) {
        Thread watch = new Thread(BrokerMain::haltAtEndOfInput, "parent-watch");
        watch.setDaemon(true);
        watch.start();
        kafka.Kafka.main(args);
    }

    private static void haltAtEndOfInput() {
        try {
            while (System.in.read() >= 0) { }
        } catch (java.io.IOException gone) {
            // the same as its end
        }
        Runtime.getRuntime().halt(137);
    }
}
