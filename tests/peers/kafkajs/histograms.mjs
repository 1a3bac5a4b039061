// SPDX-License-Identifier: Apache-2.0
// hdr-histogram-js reads an interval log of ours, and writes one for us; prints what java/Histograms.java prints. Run by
// tests/peers: node histograms.mjs OURS THEIRS, with hdr-histogram-js in the folder that CB_KAFKAJS names.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';

const require = createRequire(process.env.CB_KAFKAJS + '/');
const hdr = require('hdr-histogram-js');

function tell(whose, tag, start, values) {
  const percentiles = [0, 25, 50, 90, 99, 99.9, 99.99, 100].map((each) => values.getValueAtPercentile(each));
  console.log([whose, tag, start.toFixed(3), values.totalCount, ...percentiles, percentiles[0], percentiles.at(-1),
    Math.round(values.mean), Math.round(values.stdDeviation)].join(' '));
}

const reader = new hdr.HistogramLogReader(readFileSync(process.argv[2], 'utf8'), 64);
for (let each; (each = reader.nextIntervalHistogram()) !== null;) {
  tell('ours', each.tag, each.startTimeStampMsec / 1000 - reader.startTimeSec, each);
}

let text = '';
const writer = new hdr.HistogramLogWriter((line) => { text += line; });
writer.outputLogFormatVersion();
writer.outputLegend();
for (let second = 0; second < 3; ++second) {
  const values = hdr.build({
    bitBucketSize: 64, lowestDiscernibleValue: 1000, highestTrackableValue: 3600000000000, numberOfSignificantValueDigits: 2 + second,
  });
  let state = 12345 + second;
  for (let i = 0; i < 20000; ++i) {
    state = (state * 1103515245 + 12345) % 2147483648;
    values.recordValue(Math.floor(Math.exp((state / 2147483648) * 28)));
  }
  values.tag = 'js-' + second;
  values.startTimeStampMsec = second * 1000;
  values.endTimeStampMsec = second * 1000 + 1000;
  writer.outputIntervalHistogram(values, second, second + 1, 1e6);
  tell('theirs', values.tag, second, values);
}
writeFileSync(process.argv[3], text);
