// SPDX-License-Identifier: Apache-2.0
// What a user of the Java client does, scenario by scenario. Run by tests/peers from its source:
//   java -cp LIBS Peer.java SCENARIO BOOTSTRAP
// Ends with 0 when everything was as it should be; otherwise says what was not.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

@SuppressWarnings("removal")
public class Peer {
    static String bootstrap;

    public static void main(String[] args) throws Exception {
        bootstrap = args[1];
        switch (args[0]) {
            case "codecs": codecs(); break;
            case "idempotence": idempotence(); break;
            case "transactions": transactions(); break;
            case "group": group(); break;
            case "admin": admin(); break;
            case "send": send(args[2], Integer.parseInt(args[3]), args[4], Integer.parseInt(args[5]), Arrays.copyOfRange(args, 6, args.length)); break;
            default: throw new IllegalArgumentException(args[0]);
        }
        System.out.println("ok " + args[0]);
        System.exit(0);
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            System.err.println("not so: " + what);
            System.exit(1);
        }
    }

    static KafkaProducer<String, String> producer(Object... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return new KafkaProducer<>(p, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String group, Object... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("group.id", group);
        p.put("auto.offset.reset", "earliest");
        p.put("enable.auto.commit", "false");
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> from, int count) {
        List<ConsumerRecord<String, String>> seen = new ArrayList<>();
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (seen.size() < count && System.nanoTime() < end) {
            from.poll(Duration.ofMillis(200)).forEach(seen::add);
        }
        return seen;
    }

    static void codecs() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = "java-" + codec;
            try (var out = producer("compression.type", codec, "linger.ms", "20")) {
                for (int i = 0; i < 2000; i++) {
                    var record = new ProducerRecord<>(topic, "k" + i, "value " + i + " ".repeat(i % 300));
                    record.headers().add(new RecordHeader("n", Integer.toString(i).getBytes()));
                    out.send(record);
                }
            }
            try (var in = consumer("java-codecs")) {
                in.subscribe(List.of(topic));
                var seen = read(in, 2000);
                check(seen.size() == 2000, codec + ": 2000 records, saw " + seen.size());
                for (int i = 0; i < 2000; i++) {
                    var r = seen.get(i);
                    check(r.offset() == i && r.key().equals("k" + i) && r.value().startsWith("value " + i), codec + " record " + i);
                    check(new String(r.headers().lastHeader("n").value()).equals(Integer.toString(i)), codec + " header " + i);
                }
            }
        }
    }

    // Numbered messages for the main job: as the value the pattern with its % replaced, and 100 + n % 900 for &. Several
    // producers take turns. The settings are names and values in turn. Prints the numbers of unknown outcome.
    static void send(String topic, int count, String pattern, int producers, String[] settings) throws Exception {
        var unknown = new ConcurrentLinkedQueue<Integer>();
        List<KafkaProducer<String, String>> out = new ArrayList<>();
        for (int i = 0; i < producers; i++) {
            List<Object> all = new ArrayList<>(List.of("client.id", producers == 1 ? "main-job" : "main-job-" + i,
                "batch.size", "4000", "linger.ms", "1"));
            all.addAll(List.of(settings));
            out.add(producer(all.toArray()));
        }
        for (int i = 0; i < count; i++) {
            int n = i;
            String value = pattern.replace("%", Integer.toString(n)).replace("&", Integer.toString(100 + n % 900));
            out.get(n % producers).send(new ProducerRecord<>(topic, Integer.toString(n), value), (stored, wrong) -> {
                if (wrong != null) unknown.add(n);
            });
        }
        for (var each : out) each.close();
        for (int n : unknown) System.out.println("unknown " + n);
        System.out.println("acknowledged " + (count - unknown.size()));
    }

    static void idempotence() throws Exception {
        try (var out = producer("enable.idempotence", "true", "acks", "all", "max.in.flight.requests.per.connection", "5",
                "batch.size", "2000")) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 5000; i++) sent.add(out.send(new ProducerRecord<>("java-idempotent", 0, null, "v" + i)));
            for (int i = 0; i < 5000; i++) check(sent.get(i).get().offset() == i, "offset of record " + i);
        }
    }

    static void transactions() throws Exception {
        try (var out = producer("transactional.id", "java-tx")) {
            out.initTransactions();
            out.beginTransaction();
            for (int i = 0; i < 10; i++) out.send(new ProducerRecord<>("java-tx", "committed " + i));
            out.commitTransaction();
            out.beginTransaction();
            for (int i = 0; i < 10; i++) out.send(new ProducerRecord<>("java-tx", "aborted " + i));
            out.flush();
            out.abortTransaction();
            out.beginTransaction();
            for (int i = 10; i < 20; i++) out.send(new ProducerRecord<>("java-tx", "committed " + i));
            out.sendOffsetsToTransaction(Map.of(new TopicPartition("java-tx", 0), new OffsetAndMetadata(7)),
                new ConsumerGroupMetadata("java-tx-group"));
            out.commitTransaction();
            out.beginTransaction();
            out.send(new ProducerRecord<>("java-tx", "open")).get();
            try (var in = consumer("read", "isolation.level", "read_committed")) {
                in.assign(List.of(new TopicPartition("java-tx", 0)));
                var seen = read(in, 20).stream().map(ConsumerRecord::value).collect(Collectors.toList());
                var wanted = IntStream.range(0, 20).mapToObj(i -> "committed " + i).collect(Collectors.toList());
                check(seen.equals(wanted), "committed records only: " + seen);
                check(in.poll(Duration.ofMillis(500)).isEmpty(), "nothing of an open transaction");
            }
            try (var in = consumer("read-all")) {
                in.assign(List.of(new TopicPartition("java-tx", 0)));
                var all = read(in, 31);
                check(all.size() == 31, "read_uncommitted sees all: " + all.size());
            }
            out.abortTransaction();
        }
        try (var in = consumer("java-tx-group")) {
            var at = in.committed(Set.of(new TopicPartition("java-tx", 0)));
            check(at.get(new TopicPartition("java-tx", 0)).offset() == 7, "the transaction's position: " + at);
        }
        var old = producer("transactional.id", "java-fenced");
        old.initTransactions();
        old.beginTransaction();
        old.send(new ProducerRecord<>("java-tx", "of the old")).get();
        try (var fresh = producer("transactional.id", "java-fenced")) {
            fresh.initTransactions();
            boolean fenced = false;
            try {
                old.commitTransaction();
            } catch (KafkaException e) {
                fenced = true;
            }
            check(fenced, "the old producer is fenced");
        }
        old.close(Duration.ZERO);
    }

    static void group() throws Exception {
        try (var admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic("java-group", 4, (short) 1))).all().get();
        }
        try (var out = producer()) {
            for (int i = 0; i < 400; i++) out.send(new ProducerRecord<>("java-group", i % 4, null, "v" + i));
        }
        for (String assignor : List.of("org.apache.kafka.clients.consumer.RangeAssignor",
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor")) {
            String id = "java-" + assignor.substring(assignor.lastIndexOf('.') + 1);
            var a = consumer(id, "partition.assignment.strategy", assignor, "session.timeout.ms", "6000",
                "heartbeat.interval.ms", "200");
            var b = consumer(id, "partition.assignment.strategy", assignor, "session.timeout.ms", "6000",
                "heartbeat.interval.ms", "200");
            a.subscribe(List.of("java-group"));
            check(read(a, 400).size() == 400, id + ": one member reads all");
            a.commitSync();
            b.subscribe(List.of("java-group"));
            long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while ((a.assignment().size() != 2 || b.assignment().size() != 2) && System.nanoTime() < end) {
                check(a.poll(Duration.ofMillis(100)).isEmpty(), id + ": nothing is read again");
                check(b.poll(Duration.ofMillis(100)).isEmpty(), id + ": the second goes on where the first committed");
            }
            check(a.assignment().size() == 2 && b.assignment().size() == 2, id + ": two partitions each");
            b.close();
            end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
            while (a.assignment().size() != 4 && System.nanoTime() < end) a.poll(Duration.ofMillis(100));
            check(a.assignment().size() == 4, id + ": the rest takes over");
            a.close();
        }
    }

    static void admin() throws Exception {
        try (var admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            check(admin.describeCluster().nodes().get().size() == 1, "one node");
            admin.createTopics(List.of(new NewTopic("java-admin", 2, (short) 1).configs(Map.of("retention.ms", "1000000")))).all().get();
            try {
                admin.createTopics(List.of(new NewTopic("java-admin", 2, (short) 1))).all().get();
                check(false, "a topic twice");
            } catch (ExecutionException e) {
                check(e.getCause() instanceof org.apache.kafka.common.errors.TopicExistsException, "TopicExists: " + e);
            }
            var about = admin.describeTopics(List.of("java-admin")).allTopicNames().get().get("java-admin");
            check(about.partitions().size() == 2, "two partitions");
            admin.createPartitions(Map.of("java-admin", NewPartitions.increaseTo(5))).all().get();
            check(admin.describeTopics(List.of("java-admin")).allTopicNames().get().get("java-admin").partitions().size() == 5, "five partitions");
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, "java-admin");
            check(admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value().equals("1000000"), "retention.ms");
            admin.incrementalAlterConfigs(Map.of(resource, List.of(
                new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000"), AlterConfigOp.OpType.SET)))).all().get();
            check(admin.describeConfigs(List.of(resource)).all().get().get(resource).get("max.message.bytes").value().equals("2000"), "max.message.bytes");
            try (var out = producer()) {
                for (int i = 0; i < 10; i++) out.send(new ProducerRecord<>("java-admin", 0, (long) (i + 1) * 1000, null, "v" + i)).get();
                try {
                    out.send(new ProducerRecord<>("java-admin", "x".repeat(3000))).get();
                    check(false, "a record above max.message.bytes");
                } catch (ExecutionException e) {
                    check(e.getCause() instanceof org.apache.kafka.common.errors.RecordTooLargeException, "RecordTooLarge: " + e);
                }
            }
            var first = new TopicPartition("java-admin", 0);
            check(admin.listOffsets(Map.of(first, OffsetSpec.latest())).all().get().get(first).offset() == 10, "latest");
            check(admin.listOffsets(Map.of(first, OffsetSpec.forTimestamp(4500))).all().get().get(first).offset() == 4, "by time");
            check(admin.listOffsets(Map.of(first, OffsetSpec.maxTimestamp())).all().get().get(first).offset() == 9, "max timestamp");
            check(admin.deleteRecords(Map.of(first, RecordsToDelete.beforeOffset(3))).all().get() == null, "delete records");
            check(admin.listOffsets(Map.of(first, OffsetSpec.earliest())).all().get().get(first).offset() == 3, "earliest");
            try (var in = consumer("java-admin-group")) {
                in.assign(List.of(first));
                in.commitSync(Map.of(first, new OffsetAndMetadata(5, "note")));
            }
            check(admin.listConsumerGroupOffsets("java-admin-group").partitionsToOffsetAndMetadata().get().get(first).offset() == 5, "group's position");
            check(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals("java-admin-group")), "group is listed");
            check(admin.describeConsumerGroups(List.of("java-admin-group")).all().get().get("java-admin-group").members().isEmpty(), "group is empty");
            admin.deleteConsumerGroups(List.of("java-admin-group")).all().get();
            check(admin.listGroups().all().get().stream().noneMatch(g -> g.groupId().equals("java-admin-group")), "group is gone");
            check(!admin.describeProducers(List.of(first)).all().get().get(first).activeProducers().isEmpty(), "producers");
            check(admin.listTransactions().all().get() != null, "transactions");
            check(admin.describeLogDirs(List.of(1)).allDescriptions().get().get(1).size() == 1, "log dirs");
            check(admin.listPartitionReassignments().reassignments().get().isEmpty(), "nothing moves");
            try {
                admin.describeAcls(org.apache.kafka.common.acl.AclBindingFilter.ANY).values().get();
                check(false, "ACLs without an authorizer");
            } catch (ExecutionException e) {
                check(e.getCause() instanceof org.apache.kafka.common.errors.SecurityDisabledException, "SecurityDisabled: " + e);
            }
            admin.deleteTopics(List.of("java-admin")).all().get();
            check(!admin.listTopics().names().get().contains("java-admin"), "topic is gone");
        }
    }
}
