"""The operations of Worker.java with confluent-kafka (librdkafka): lines of JSON {id, op, args} in, {id, ok} or {id, error, message} out.

Owns: translating operations to the client. Never: deciding what is right; the tests do. Ends when its input ends.
"""
import base64
import itertools
import json
import os
import random
import sys
import threading
import time
import traceback

from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Producer,
                             TopicPartition, TopicCollection, OFFSET_BEGINNING, OFFSET_END)
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic,
                                   OffsetSpec, ResourceType)

answers_lock = threading.Lock()
numbers = itertools.count(1)
members = {}
loads = {}


def config_of(args):
    return {"bootstrap.servers": args["bootstrap"], "log_level": 0, **args.get("config", {})}


def decode(text):
    return None if text is None else base64.b64decode(text)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


def describe(message):
    headers = [[name, encode(value)] for name, value in (message.headers() or [])]
    return {"p": message.partition(), "o": message.offset(), "t": message.timestamp()[1],
            "k": encode(message.key()), "v": encode(message.value()), "h": headers}


def error_name(failure):
    """Kafka's name of the error inside an exception, as Java spells it."""
    error = failure.args[0] if isinstance(failure, KafkaException) and failure.args else failure
    if isinstance(error, KafkaError):
        # librdkafka abbreviates some of Kafka's names.
        name = error.name().lstrip("_")
        return {"MSG_SIZE_TOO_LARGE": "MESSAGE_TOO_LARGE", "UNKNOWN_TOPIC_OR_PART": "UNKNOWN_TOPIC_OR_PARTITION",
                "TOPIC_EXCEPTION": "INVALID_TOPIC_EXCEPTION"}.get(name, name)
    return type(failure).__name__


# ---- records ----

def produce(args):
    producer = Producer(config_of(args))
    acks = [None] * len(args["messages"])

    def on_delivery(index):
        def delivered(error, message):
            acks[index] = {"error": error_name(error)} if error is not None else {"p": message.partition(), "o": message.offset() if message.offset() is not None else -1}
        return delivered

    for index, message in enumerate(args["messages"]):
        options = {}
        if message.get("p") is not None:
            options["partition"] = message["p"]
        if message.get("t") is not None:
            options["timestamp"] = message["t"]
        if message.get("h"):
            options["headers"] = [(name, decode(value)) for name, value in message["h"]]
        try:
            producer.produce(args["topic"], key=decode(message.get("k")), value=decode(message.get("v")), on_delivery=on_delivery(index), **options)
        except KafkaException as refused:
            acks[index] = {"error": error_name(refused)}
        producer.poll(0)
    producer.flush(30)
    return acks


def transact(args):
    producer = Producer(config_of(args))
    producer.init_transactions(30)
    for transaction in args["transactions"]:
        producer.begin_transaction()
        for message in transaction["messages"]:
            producer.produce(transaction["topic"], key=decode(message.get("k")), value=decode(message.get("v")), **({} if message.get("p") is None else {"partition": message["p"]}))
        offset = transaction.get("offset")
        if offset:
            consumer = Consumer({"bootstrap.servers": args["bootstrap"], "group.id": offset["group"]})
            try:
                producer.send_offsets_to_transaction([TopicPartition(offset["topic"], offset["partition"], offset["offset"])], consumer.consumer_group_metadata(), 30)
            finally:
                consumer.close()
        producer.flush(30)
        if transaction["commit"]:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
    return True


def consume(args):
    start = args["from"]
    consumer = Consumer({"group.id": "unused", "enable.auto.commit": False, **config_of(args)})
    try:
        partitions = [TopicPartition(args["topic"], number) for number in args["partitions"]]
        if start["kind"] == "timestamp":
            asked = [TopicPartition(p.topic, p.partition, start["timestampMs"]) for p in partitions]
            partitions = consumer.offsets_for_times(asked, timeout=20)
        else:
            for partition in partitions:
                partition.offset = {"beginning": OFFSET_BEGINNING, "end": OFFSET_END}.get(start["kind"], start.get("offset"))
        if start["kind"] == "end":
            for partition in partitions:
                partition.offset = consumer.get_watermark_offsets(partition, timeout=20)[1]
        consumer.assign(partitions)
        received = []
        until = time.monotonic() + args.get("timeoutMs", 20_000) / 1000
        while len(received) < args["count"] and time.monotonic() < until:
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                if message.error().code() == KafkaError.UNKNOWN_TOPIC_OR_PART or message.error().retriable() or message.error().code() < 0:
                    continue
                raise KafkaException(message.error())
            received.append(describe(message))
        return received
    finally:
        consumer.close()


# ---- members of groups ----

class Member(threading.Thread):
    def __init__(self, args):
        super().__init__(daemon=True)
        self.args = args
        self.consumer = Consumer(config_of(args))
        self.lock = threading.Lock()
        self.assigned, self.received, self.events = set(), [], []
        self.leaving, self.failure, self.commits = False, None, []

    def note(self, kind, partitions):
        names = sorted(f"{p.topic}-{p.partition}" for p in partitions)
        with self.lock:
            if kind == "assigned":
                self.assigned.update(names)
            else:
                self.assigned.difference_update(names)
            self.events.append({"kind": kind, "partitions": names})

    def run(self):
        try:
            self.consumer.subscribe(self.args["topics"],
                                    on_assign=lambda _, partitions: self.note("assigned", partitions),
                                    on_revoke=lambda _, partitions: self.note("revoked", partitions),
                                    on_lost=lambda _, partitions: self.note("lost", partitions))
            while not self.leaving:
                for message in self.consumer.consume(500, 0.05):
                    if message.error() is None:
                        with self.lock:
                            self.received.append(describe(message))
                    elif message.error().code() == KafkaError._FATAL:
                        raise KafkaException(message.error())
                while self.commits:
                    done = self.commits.pop()
                    try:
                        self.consumer.commit(asynchronous=False)
                    except KafkaException as refused:
                        done.failure = refused
                    done.set()
        except Exception as failed:  # told by `state`
            self.failure = f"{error_name(failed)}: {failed}"
        finally:
            self.consumer.close()

    def commit(self):
        done = threading.Event()
        done.failure = None
        self.commits.append(done)
        if not done.wait(30):
            raise TimeoutError("commit")
        if done.failure is not None and "NO_OFFSET" not in str(done.failure):
            raise done.failure

    def drain(self):
        with self.lock:
            facts = {"assigned": sorted(self.assigned), "received": self.received, "events": self.events, "failure": self.failure}
            self.received, self.events = [], []
            return facts


def member_join(args):
    number = next(numbers)
    members[number] = Member(args)
    members[number].start()
    return {"member": number}


def member_leave(args):
    member = members.pop(args["member"])
    member.leaving = True
    member.join(30)
    return member.drain()


# ---- load ----

class Load(threading.Thread):
    def __init__(self, args):
        super().__init__(daemon=True)
        self.args, self.acked, self.failed, self.stopping = args, [], [], False
        self.producer = Producer(config_of(args))

    def run(self):
        keys, pause = self.args["keys"], 1 / self.args["rate"]
        following = [0] * keys
        turn = 0
        while not self.stopping:
            key = turn % keys
            turn += 1
            number = following[key]
            following[key] += 1
            self.producer.produce(self.args["topic"], key=f"k{key}", value=f"{key}:{number}", on_delivery=self.on_delivery(key, number))
            self.producer.poll(pause)

    def on_delivery(self, key, number):
        def delivered(error, message):
            if error is not None:
                self.failed.append([key, number, error_name(error)])
            else:
                self.acked.append([key, number, message.partition(), message.offset()])
        return delivered

    def finish(self):
        self.stopping = True
        self.join()
        self.producer.flush(60)
        return {"acked": self.acked, "failed": self.failed}


def load_start(args):
    number = next(numbers)
    loads[number] = Load(args)
    loads[number].start()
    return {"load": number}


# ---- histories of transactions ----

class History:
    """What Histories.java does, with librdkafka: an appender, a pipe and a watcher that write down what they do and see."""

    def __init__(self, args):
        self.args, self.name, self.partitions = args, args["name"], args["partitions"]
        self.transactions, self.polls, self.positions = [], [], []
        self.committed, self.stopping, self.failure = 0, False, None
        self.threads = [threading.Thread(target=self.loop, args=(kind,), daemon=True) for kind in (Appender, Pipe, Watcher)]
        for thread in self.threads:
            thread.start()

    def loop(self, kind):
        try:
            worker = kind(self)
            while not self.stopping:
                worker.turn()
            worker.close()
        except BaseException:  # told by `stop`
            self.failure = traceback.format_exc()

    def finish(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(120)
        if self.failure is not None:
            raise RuntimeError(self.failure)
        return {"transactions": self.transactions, "polls": self.polls, "positions": self.positions, "stableEnds": []}

    def consumer(self, group):
        return Consumer({"bootstrap.servers": self.args["bootstrap"], "log_level": 0, "group.id": group, "enable.auto.commit": False, "isolation.level": "read_committed",
                         "auto.offset.reset": "error", "fetch.wait.max.ms": 100, "reconnect.backoff.max.ms": 200, "socket.timeout.ms": 5000})

    def inputs(self, topic):
        return [TopicPartition(self.args[topic], number) for number in range(self.partitions)]


def now():
    return int(time.time() * 1000)


def key_of(partition):
    return f"{partition.topic}-{partition.partition}"


class HistoryWriter:
    def __init__(self, history, client):
        self.history, self.client, self.number, self.producer = history, client, 0, None
        self.random = random.Random(7)

    def begun(self):
        pass

    def begin(self):
        entry = {"client": self.client, "number": self.number, "startedAt": now(), "commitAskedAt": None, "endedAt": None, "outcome": "unknown", "writes": [], "consumed": []}
        self.number += 1
        self.history.transactions.append(entry)
        return entry

    def write(self, entry, topic):
        partition = self.random.randrange(self.history.partitions)
        write = {"key": f"{topic}-{partition}", "value": f"{entry['client']}/{entry['number']}/{len(entry['writes'])}", "offset": None}
        entry["writes"].append(write)

        def delivered(error, message):
            if error is None and message.offset() >= 0:
                write["offset"] = message.offset()

        self.producer.produce(topic, partition=partition, value=write["value"], on_delivery=delivered)

    def end(self, entry):
        """True when it was committed."""
        if self.random.random() < self.history.args["aborts"]:
            self.producer.flush(15)
            self.producer.abort_transaction(15)
            entry["outcome"], entry["endedAt"] = "aborted", now()
            return False
        entry["commitAskedAt"] = now()
        self.producer.commit_transaction(15)
        entry["outcome"], entry["endedAt"] = "committed", now()
        self.history.committed += 1
        return True

    def turn(self):
        try:
            if self.producer is None:
                producer = Producer({"bootstrap.servers": self.history.args["bootstrap"], "log_level": 0, "transactional.id": self.client, "linger.ms": 2, "reconnect.backoff.max.ms": 200,
                                     "socket.timeout.ms": 5000, "transaction.timeout.ms": 8000, "message.timeout.ms": 8000, "retry.backoff.ms": 50})
                producer.init_transactions(15)
                self.producer = producer
                self.begun()
            self.producer.begin_transaction()
            self.transact()
            time.sleep(self.history.args["pauseMs"] / 1000)
        except KafkaException:  # whatever was open is ended by the next producer of this name
            self.producer = None
            time.sleep(0.05)

    def close(self):
        self.producer = None


class Appender(HistoryWriter):
    def __init__(self, history):
        super().__init__(history, f"{history.name}-append")

    def transact(self):
        entry = self.begin()
        for _ in range(self.random.randint(1, 5)):
            self.write(entry, self.history.args["in"])
        self.end(entry)


class HistoryReader:
    """Positions of a consumer by hand: it moves past what it was given."""

    def __init__(self, history, consumer, partitions, reader):
        self.history, self.consumer, self.partitions, self.reader = history, consumer, partitions, reader
        self.next, self.session, self.serial = {}, 0, 0

    def seek(self, offsets):
        self.session += 1
        self.next = dict(offsets)
        self.consumer.assign([TopicPartition(p.topic, p.partition, offsets[key_of(p)]) for p in self.partitions])

    def poll(self, transaction, at_most):
        """The ranges that it went over: {key: (from, next)}."""
        started, records = now(), {}
        for message in self.consumer.consume(at_most, 0.1):
            if message.error() is not None:
                if message.error().code() == KafkaError._AUTO_OFFSET_RESET:
                    raise RuntimeError(str(message.error()))
                continue
            records.setdefault(f"{message.topic()}-{message.partition()}", []).append({"offset": message.offset(), "value": message.value().decode()})
        ended, moved = now(), {}
        for key, found in records.items():
            moved[key] = (self.next[key], found[-1]["offset"] + 1)
            self.next[key] = moved[key][1]
            self.history.polls.append({"reader": self.reader, "session": self.session, "key": key, "from": moved[key][0], "next": moved[key][1],
                                       "records": found, "startedAt": started, "endedAt": ended, "transaction": transaction})
        return moved


class Pipe(HistoryWriter):
    def __init__(self, history):
        super().__init__(history, f"{history.name}-pipe")
        self.consumer = history.consumer(self.client)
        self.reader = HistoryReader(history, self.consumer, history.inputs("in"), self.client)

    def begun(self):
        started = now()
        committed = self.consumer.committed(self.reader.partitions, timeout=20)
        for at in committed:
            if at.error is not None:
                raise KafkaException(at.error)
            self.history.positions.append({"group": self.client, "key": key_of(at), "offset": max(-1, at.offset), "startedAt": started, "endedAt": now()})
        self.reader.seek({key_of(at): max(0, at.offset) for at in committed})

    def transact(self):
        entry = self.begin()
        moved = self.reader.poll(f"{entry['client']}/{entry['number']}", 20)
        for key, (start, following) in moved.items():
            entry["consumed"].append({"group": self.client, "key": key, "from": start, "next": following})
        if moved:
            for _ in range(self.random.randint(1, 2)):
                self.write(entry, self.history.args["out"])
            offsets = [TopicPartition(p.topic, p.partition, moved[key_of(p)][1]) for p in self.reader.partitions if key_of(p) in moved]
            self.producer.send_offsets_to_transaction(offsets, self.consumer.consumer_group_metadata(), 15)
        if not self.end(entry) and moved:
            self.begun()

    def close(self):
        super().close()
        self.consumer.close()


class Watcher:
    def __init__(self, history):
        self.consumer = history.consumer(f"{history.name}-watch")
        partitions = history.inputs("in") + history.inputs("out")
        self.reader = HistoryReader(history, self.consumer, partitions, f"{history.name}-watch")
        self.random = random.Random(8)
        self.rewind()

    def rewind(self):
        self.reader.seek({key_of(p): 0 for p in self.reader.partitions})

    def turn(self):
        self.reader.poll(None, 500)
        if self.random.randrange(200) == 0:
            self.rewind()

    def close(self):
        self.consumer.close()


histories = {}


def histories_start(args):
    number = next(numbers)
    histories[number] = History(args)
    return {"work": number}


# ---- administration ----

admins = {}
admins_lock = threading.Lock()


def admin(args):
    """One client per broker, kept: an admin client that is collected takes its unfinished calls with it."""
    with admins_lock:
        if args["bootstrap"] not in admins:
            admins[args["bootstrap"]] = AdminClient(config_of(args))
        return admins[args["bootstrap"]]


def only(futures):
    (future,) = futures.values()
    return future.result(timeout=30)


def list_offset(args):
    at = args["at"]
    spec = {"earliest": OffsetSpec.earliest, "latest": OffsetSpec.latest, "max-timestamp": OffsetSpec.max_timestamp}.get(at["kind"])
    spec = OffsetSpec.for_timestamp(at["timestampMs"]) if spec is None else spec()
    found = only(admin(args).list_offsets({TopicPartition(args["topic"], args["partition"]): spec}, isolation_level=IsolationLevel.READ_UNCOMMITTED))
    return {"offset": found.offset, "timestampMs": found.timestamp}


def describe_topic(args):
    topic = only(admin(args).describe_topics(TopicCollection([args["topic"]])))
    return {"partitions": len(topic.partitions), "leaders": sum(1 for p in topic.partitions if p.leader is not None), "internal": topic.is_internal}


def topic_resource(args, **options):
    return ConfigResource(ResourceType.TOPIC, args["topic"], **options)


def alter_config(args):
    changes = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in args.get("set", {}).items()]
    changes += [ConfigEntry(name, None, incremental_operation=AlterConfigOpType.DELETE) for name in args.get("unset", [])]
    only(admin(args).incremental_alter_configs([topic_resource(args, incremental_configs=changes)]))


def group_offsets(args):
    found = only(admin(args).list_consumer_group_offsets([ConsumerGroupTopicPartitions(args["group"])]))
    return {f"{p.topic}-{p.partition}": [p.offset, p.metadata or ""] for p in found.topic_partitions if p.offset >= 0}


def alter_group_offset(args):
    partition = TopicPartition(args["topic"], args["partition"], args["offset"])
    only(admin(args).alter_consumer_group_offsets([ConsumerGroupTopicPartitions(args["group"], [partition])]))


def describe_cluster(args):
    cluster = admin(args).describe_cluster().result(timeout=30)
    return {"nodes": len(cluster.nodes), "hasClusterId": cluster.cluster_id is not None, "hasController": cluster.controller is not None}


def describe_group(args):
    group = only(admin(args).describe_consumer_groups([args["group"]]))
    return {"state": group.state.name, "members": len(group.members)}


def commit_offset(args):
    consumer = Consumer({"group.id": args["group"], **config_of(args)})
    try:
        partition = TopicPartition(args["topic"], args["partition"], args["offset"], args.get("metadata", ""))
        consumer.commit(offsets=[partition], asynchronous=False)
    finally:
        consumer.close()


operations = {
    "produce": produce,
    "transact": transact,
    "consume": consume,
    "member.join": member_join,
    "member.state": lambda args: members[args["member"]].drain(),
    "member.commit": lambda args: members[args["member"]].commit(),
    "member.leave": member_leave,
    "load.start": load_start,
    "load.count": lambda args: {"acked": len(loads[args["load"]].acked)},
    "load.stop": lambda args: loads.pop(args["load"]).finish(),
    "histories.start": histories_start,
    "histories.progress": lambda args: {"committed": histories[args["work"]].committed},
    "histories.stop": lambda args: histories.pop(args["work"]).finish(),
    "admin.createTopic": lambda args: only(admin(args).create_topics([NewTopic(args["topic"], args["partitions"], 1, config=args.get("configs", {}))])),
    "admin.deleteTopic": lambda args: only(admin(args).delete_topics([args["topic"]])),
    "admin.listTopics": lambda args: sorted(admin(args).list_topics(timeout=20).topics),
    "admin.describeTopic": describe_topic,
    "admin.createPartitions": lambda args: only(admin(args).create_partitions([NewPartitions(args["topic"], args["partitions"])])),
    "admin.describeConfig": lambda args: {name: [entry.value, entry.is_default] for name, entry in only(admin(args).describe_configs([topic_resource(args)])).items()},
    "admin.alterConfig": alter_config,
    "admin.deleteRecords": lambda args: only(admin(args).delete_records([TopicPartition(args["topic"], args["partition"], args["offset"])])).low_watermark,
    "admin.listOffset": list_offset,
    "admin.listGroups": lambda args: sorted(group.group_id for group in admin(args).list_consumer_groups().result(timeout=30).valid),
    "admin.describeGroup": describe_group,
    "admin.deleteGroup": lambda args: only(admin(args).delete_consumer_groups([args["group"]])),
    "admin.groupOffsets": group_offsets,
    "admin.alterGroupOffset": alter_group_offset,
    "admin.commitOffset": commit_offset,
    "admin.describeCluster": describe_cluster,
}


def answer(request):
    reply = {"id": request["id"]}
    try:
        reply["ok"] = operations[request["op"]](request["args"])
    except BaseException as failure:  # every failure is an answer
        reply["error"], reply["message"] = error_name(failure), traceback.format_exc()
    with answers_lock:
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


for line in sys.stdin:
    threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()
os._exit(0)
