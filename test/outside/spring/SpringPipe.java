import java.util.Map;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.DefaultAfterRollbackProcessor;
import org.springframework.kafka.transaction.KafkaTransactionManager;
import org.springframework.util.backoff.FixedBackOff;

/** A listener that sends what it is given with a transactional template. Arguments: bootstrap, input, output, group. */
@Configuration
@EnableKafka
public class SpringPipe {
    public static String bootstrap, input, output, group;

    public static void main(String[] args) throws InterruptedException {
        bootstrap = args[0];
        input = args[1];
        output = args[2];
        group = args[3];
        AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext(SpringPipe.class);
        Runtime.getRuntime().addShutdownHook(new Thread(context::close));
        Thread.currentThread().join();
    }

    @Bean
    ProducerFactory<String, String> producers() {
        DefaultKafkaProducerFactory<String, String> factory = new DefaultKafkaProducerFactory<>(Map.of(
            "bootstrap.servers", bootstrap, "key.serializer", StringSerializer.class, "value.serializer", StringSerializer.class, "transaction.timeout.ms", 10_000, "max.block.ms", 10_000));
        factory.setTransactionIdPrefix(group + "-");
        return factory;
    }

    @Bean
    ConsumerFactory<String, String> consumers() {
        return new DefaultKafkaConsumerFactory<>(Map.of(
            "bootstrap.servers", bootstrap, "key.deserializer", StringDeserializer.class, "value.deserializer", StringDeserializer.class, "isolation.level", "read_committed",
            "auto.offset.reset", "earliest", "max.poll.records", 20, "session.timeout.ms", 6_000, "heartbeat.interval.ms", 500));
    }

    @Bean
    KafkaTemplate<String, String> template(ProducerFactory<String, String> producers) {
        return new KafkaTemplate<>(producers);
    }

    @Bean
    KafkaTransactionManager<String, String> transactions(ProducerFactory<String, String> producers) {
        return new KafkaTransactionManager<>(producers);
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory(ConsumerFactory<String, String> consumers, KafkaTransactionManager<String, String> transactions) {
        ConcurrentKafkaListenerContainerFactory<String, String> factory = new ConcurrentKafkaListenerContainerFactory<>();
        factory.setConsumerFactory(consumers);
        factory.setConcurrency(2);
        factory.getContainerProperties().setKafkaAwareTransactionManager(transactions);
        // By default a record is given up after ten rollbacks; a broker that is away is no reason to.
        factory.setAfterRollbackProcessor(new DefaultAfterRollbackProcessor<>(new FixedBackOff(100, FixedBackOff.UNLIMITED_ATTEMPTS)));
        return factory;
    }

    @Bean
    Listener listener(KafkaTemplate<String, String> template) {
        return new Listener(template);
    }

    public static class Listener {
        private final KafkaTemplate<String, String> template;

        Listener(KafkaTemplate<String, String> template) {
            this.template = template;
        }

        @KafkaListener(topics = "#{T(SpringPipe).input}", groupId = "#{T(SpringPipe).group}")
        public void take(String value) {
            template.send(output, value);
        }
    }
}
