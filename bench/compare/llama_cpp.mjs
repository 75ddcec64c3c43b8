// Times llama.cpp (by its npm package node-llama-cpp, which brings its binaries) and bench's decode and prefill in
// turn, on the shape llama_110m.
//
//   npm install node-llama-cpp@3
//   node llama_cpp.mjs BENCH_FOLDER WORK_FOLDER [ROUNDS] [TYPES]
//
// BENCH_FOLDER holds the programs decode, prefill and llama_gguf; the last writes the models to WORK_FOLDER (0.6 GB)
// where they are not there yet. TYPES are of f32,q8_0,q4_0. Prints the median of all rounds in tokens/s: decoding 256
// tokens from an empty context, and prompts of 128 tokens up to their first token. The library's bfloat16 stands beside
// the peer's F32.
import {execFileSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';

const [bench, work, rounds = '3', types = 'f32,q8_0,q4_0'] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(require.resolve('node-llama-cpp')));
const formats = {f32: ['', '/bf16'], q8_0: ['/int8'], q4_0: ['/int4']};  // the library's, for each of the peer's
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
    const theirs = {decode: [], prefill: []}, ours = {decode: {}, prefill: {}};
    for (let round = 0; round < Number(rounds); ++round) {
      const speeds = await peer(model, threads);
      for (const work in theirs) theirs[work].push(speeds[work]);
      for (const format of formats[type])
        for (const [work, size] of [['decode', 'sessions:1'], ['prefill', 'tokens:128']]) {
          const order = work === 'decode' ? [`threads:${threads}`, size] : [size, `threads:${threads}`];
          const speed = library(work, `^${work}/llama_110m${format}/${order.join('/')}/`);
          (ours[work][format] ??= []).push(speed);
        }
    }
    await llama.dispose();
    for (const work in theirs)
      for (const format of formats[type]) {
        const [mine, other] = [ours[work][format], theirs[work]].map(median);
        const name = type + (format === '/bf16' ? ' beside bf16' : '');
        console.log(`| ${work}, ${name}, ${threads} thread${threads > 1 ? 's' : ''} | ${mine.toFixed(1)} | ` +
                    `${other.toFixed(1)} | ${(mine / other).toFixed(2)} |`);
      }
  }
}
process.exit(0);
