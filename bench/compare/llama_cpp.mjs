// Times llama.cpp (by its npm package node-llama-cpp, which brings its binaries) and bench's decode and prefill in
// turn, on the shape llama_110m.
//
//   npm install node-llama-cpp@3
//   node llama_cpp.mjs BENCH_FOLDER WORK_FOLDER [ROUNDS] [TYPES]
//
// BENCH_FOLDER holds the programs decode, prefill and llama_gguf; the last writes the models to WORK_FOLDER (0.6 GB)
// where they are not there yet. TYPES are of f32,q8_0,q4_0. Prints the median of all rounds in tokens/s: decoding 256
// tokens from an empty context, and prompts of 128 tokens up to their first token.
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

const [bench, work, rounds = '3', types = 'f32,q8_0,q4_0'] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(require.resolve('node-llama-cpp')));
const formats = {f32: '', q8_0: '/int8', q4_0: '/int4'};
const seconds = () => Number(process.hrtime.bigint()) * 1e-9;
const median = list => list.sort((a, b) => a - b)[list.length >> 1];

async function peer(model, threads) {
  const context = await model.createContext({contextSize: 512, batchSize: 512, threads});
  const sequence = context.getSequence();
  const run = async (prompt, count) => {
    await sequence.clearHistory();
    const start = seconds();
    let made = 0;
    for await (const token of sequence.evaluate(prompt, {temperature: 0, yieldEogToken: true}))
      if (++made === count) break;
    return seconds() - start;
  };
  const prompt = Array.from({length: 128}, (_, i) => 3 + i * 7919 % 31997);
  await run(prompt, 1);  // warm
  const prefill = [];
  for (let i = 0; i < 5; ++i) prefill.push(128 / await run(prompt, 1));
  const decode = 256 / await run([1], 256);
  await context.dispose();
  return {decode, prefill: median(prefill)};
}

function library(program, filter) {
  const out = execFileSync(join(bench, program), [`--benchmark_filter=${filter}`, '--benchmark_format=json',
                                                  '--benchmark_min_time=2'],
                           {stdio: ['ignore', 'pipe', 'ignore']});
  return JSON.parse(out).benchmarks[0].items_per_second;
}

console.log('| work | library | llama.cpp | ratio |');
console.log('| --- | --- | --- | --- |');
for (const type of types.split(',')) {
  const file = join(work, `llama_110m.${type}.gguf`);
  if (!existsSync(file)) execFileSync(join(bench, 'llama_gguf'), [type, file]);
  for (const threads of [1, 2]) {
    const llama = await getLlama({gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads});
    const model = await llama.loadModel({modelPath: file});
    const all = {decode: [[], []], prefill: [[], []]};
    for (let round = 0; round < Number(rounds); ++round) {
      const theirs = await peer(model, threads);
      all.decode[1].push(theirs.decode);
      all.prefill[1].push(theirs.prefill);
      const name = `llama_110m${formats[type]}`;
      all.decode[0].push(library('decode', `^decode/${name}/threads:${threads}/sessions:1/`));
      all.prefill[0].push(library('prefill', `^prefill/${name}/tokens:128/threads:${threads}/`));
    }
    await llama.dispose();
    for (const work of ['decode', 'prefill']) {
      const [ours, theirs] = all[work].map(median);
      console.log(`| ${work}, ${type}, ${threads} thread${threads > 1 ? 's' : ''} | ${ours.toFixed(1)} | ` +
                  `${theirs.toFixed(1)} | ${(ours / theirs).toFixed(2)} |`);
    }
  }
}
process.exit(0);
