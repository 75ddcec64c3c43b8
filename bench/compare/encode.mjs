// Times BERT-base under onnxruntime in float and bench/encode, in float and bfloat16, in turn: 8 texts of 128 tokens, and
// 242 texts of 8 to 128 tokens, which onnxruntime takes in batches of 22 in the order they come in, padded to the longest
// of each.
//
//   npm install --ignore-scripts onnxruntime-node
//   python3 encode.py --export bert_base.onnx
//   node encode.mjs BENCH bert_base.onnx [THREADS] [ROUNDS]
//
// BENCH is the program bench/encode. Prints tokens per second of the best of all rounds, those of padding not counted, and
// ratios: by processor time with one thread, so that a neighbour counts little, by the clock with more.
import {execFileSync} from 'node:child_process';
import {createRequire} from 'node:module';
import {join} from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const {InferenceSession, Tensor} = require('onnxruntime-node');
const version = require('onnxruntime-node/package.json').version;

const [bench, file, threads = '1', rounds = '3'] = process.argv.slice(2);
const session = await InferenceSession.create(file, {intraOpNumThreads: Number(threads), interOpNumThreads: 1,
                                                     executionMode: 'sequential', graphOptimizationLevel: 'all'});

// As tokens() in models.hpp, padded to the longest.
function feeds(lengths) {
  const longest = Math.max(...lengths), size = lengths.length * longest;
  const ids = new BigInt64Array(size), mask = new BigInt64Array(size);
  lengths.forEach((length, text) => {
    for (let i = 0; i < length; ++i) {
      ids[text * longest + i] = BigInt(i * 7919 % 30522);
      mask[text * longest + i] = 1n;
    }
  });
  const shape = [lengths.length, longest];
  return {ids: new Tensor('int64', ids, shape), mask: new Tensor('int64', mask, shape)};
}

function seconds() {
  if (threads !== '1') return performance.now() / 1e3;
  const {user, system} = process.cpuUsage();
  return (user + system) / 1e6;
}

// Seconds for batches one after the other.
async function peer(batches) {
  const start = seconds();
  for (const each of batches) (await session.run(each)).hidden.dispose();
  return seconds() - start;
}

function library(name) {
  const out = execFileSync(bench, [`--benchmark_filter=${name}`, '--benchmark_format=json', '--benchmark_repetitions=2',
                                   '--benchmark_min_time=0.01'], {stdio: ['ignore', 'pipe', 'ignore']});
  const rows = JSON.parse(out).benchmarks.filter(row => row.run_type === 'iteration');
  return Math.min(...rows.map(row => threads === '1' ? row.cpu_time : row.real_time)) / 1000;
}

const mixed = Array.from({length: 242}, (_, i) => 8 + i * 53 % 121);  // as mixed() in encode.cpp
const works = [
  {title: '8 texts of 128 tokens', lengths: [Array(8).fill(128)],
   names: {float: `encode/bert_base/texts:8/length:128/threads:${threads}/`,
           bfloat16: `encode/bert_base/bf16/texts:8/length:128/threads:${threads}/`}},
  {title: '242 texts of 8 to 128 tokens', lengths: Array.from({length: 11}, (_, b) => mixed.slice(22 * b, 22 * b + 22)),
   names: {float: `encode_ragged/lengths_8_to_128/${threads}/`}},
];
for (const {title, lengths, names} of works) {
  const batches = lengths.map(feeds), tokens = lengths.flat().reduce((sum, length) => sum + length, 0);
  let theirs = Infinity;
  const ours = {};
  await peer(batches.slice(0, 1));
  for (let round = 0; round < Number(rounds); ++round) {
    theirs = Math.min(theirs, await peer(batches), batches.length === 1 ? await peer(batches) : Infinity);
    for (const type in names) ours[type] = Math.min(ours[type] ?? Infinity, library(names[type]));
  }
  console.log(`${title}, ${threads} thread(s): onnxruntime ${version} ${(tokens / theirs).toFixed(0)} tokens/s`);
  for (const type in ours)
    console.log(`  library, ${type}: ${(tokens / ours[type]).toFixed(0)} tokens/s, ` +
                `ratio ${(theirs / ours[type]).toFixed(2)}`);
}
process.exit(0);
