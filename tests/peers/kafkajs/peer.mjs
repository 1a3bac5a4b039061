// SPDX-License-Identifier: Apache-2.0
// What a user of kafkajs does. Run by tests/peers: node peer.mjs BOOTSTRAP, with kafkajs in NODE_PATH's place.
import { createRequire } from 'node:module';
import { strict as assert } from 'node:assert';

const require = createRequire(process.env.CB_KAFKAJS + '/');
const { Kafka, CompressionTypes, logLevel } = require('kafkajs');

const kafka = new Kafka({ clientId: 'kafkajs-peer', brokers: [process.argv[2]], logLevel: logLevel.ERROR });

async function readAll(topic, count, options = {}) {
  const consumer = kafka.consumer({ groupId: 'kafkajs-' + topic + '-' + (options.group ?? 'a'), ...options });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen = [];
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${topic}: saw ${seen.length} of ${count}`)), 30000);
    consumer.run({
      eachMessage: async ({ message, partition }) => {
        seen.push({ value: message.value?.toString(), offset: message.offset, partition });
        if (seen.length === count) { clearTimeout(timer); resolve(); }
      },
    }).catch(reject);
  });
  await consumer.disconnect();
  return seen;
}

const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: 'js-plain', numPartitions: 3 }] });
assert.ok((await admin.listTopics()).includes('js-plain'));
assert.equal((await admin.fetchTopicMetadata({ topics: ['js-plain'] })).topics[0].partitions.length, 3);

for (const [name, compression] of [['js-plain', CompressionTypes.None], ['js-gzip', CompressionTypes.GZIP]]) {
  const producer = kafka.producer({ allowAutoTopicCreation: true });
  await producer.connect();
  for (let batch = 0; batch < 10; ++batch) {
    await producer.send({
      topic: name, compression, acks: -1,
      messages: Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: `v${batch}-${i}`, headers: { n: `${i}` } })),
    });
  }
  await producer.disconnect();
  assert.equal(new Set((await readAll(name, 500)).map((m) => m.value)).size, 500);
}

const idempotent = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await idempotent.connect();
const written = await idempotent.send({ topic: 'js-idempotent', messages: [{ value: 'a' }, { value: 'b' }] });
assert.equal(written[0].baseOffset, '0');
await idempotent.disconnect();

const transactional = kafka.producer({ transactionalId: 'js-tx', idempotent: true, maxInFlightRequests: 1 });
await transactional.connect();
const first = await transactional.transaction();
await first.send({ topic: 'js-tx', messages: [{ value: 'committed 1' }] });
await first.commit();
const second = await transactional.transaction();
await second.send({ topic: 'js-tx', messages: [{ value: 'aborted' }] });
await second.abort();
const third = await transactional.transaction();
await third.send({ topic: 'js-tx', messages: [{ value: 'committed 2' }] });
await third.commit();
await transactional.disconnect();
assert.deepEqual((await readAll('js-tx', 2, { readUncommitted: false })).map((m) => m.value), ['committed 1', 'committed 2']);

// Two members share the partitions; a committed position is where the next one goes on.
const offsets = await admin.fetchOffsets({ groupId: 'kafkajs-js-plain-a', topics: ['js-plain'] });
assert.equal(offsets[0].partitions.reduce((sum, p) => sum + Number(p.offset), 0), 500);
const members = [0, 1].map(() => kafka.consumer({ groupId: 'js-two', sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 200 }));
const assignments = new Map();
await Promise.all(members.map(async (member, index) => {
  member.on(member.events.GROUP_JOIN, (event) => assignments.set(index, event.payload.memberAssignment['js-plain'] ?? []));
  await member.connect();
  await member.subscribe({ topic: 'js-plain' });
  await member.run({ eachMessage: async () => {} });
}));
const deadline = Date.now() + 30000;
const shared = () => [...assignments.values()].flat().length === 3 && assignments.size === 2 &&
  [...assignments.values()].every((list) => list.length > 0);
while (!shared() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
assert.ok(shared(), 'two members share three partitions: ' + JSON.stringify([...assignments]));
await Promise.all(members.map((member) => member.disconnect()));

await admin.deleteTopics({ topics: ['js-plain'] });
await admin.disconnect();
console.log('ok');
