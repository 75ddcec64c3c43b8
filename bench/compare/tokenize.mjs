// Times Hugging Face's tokenizers (the Rust engine, by its npm package) and bench/tokenize in turn on the same texts.
//
//   npm install @anush008/tokenizers@0.6.0
//   node tokenize.mjs BENCH TEXT FOLDERS [FILTER] [ROUNDS]
//
// BENCH is the program bench/tokenize, TEXT a file of text, FOLDERS as in EIGENFORMER_TOKENIZERS; FILTER is a part of a
// tokenizer's name. Prints, for each tokenizer and length of text, the best of all rounds in MB/s: the engine, whose
// word cache earlier rounds have filled, and the library for ids alone ("ids") and for all that encode_full() gives
// ("full"), which is what the engine always computes. All in processor time, so that a neighbour counts little.
import {execFileSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {basename, join} from 'node:path';

process.env.TOKENIZERS_PARALLELISM = 'false';  // one thread, like the library
process.env.RAYON_NUM_THREADS = '1';
const require = createRequire(join(process.cwd(), 'package.json'));
const {Tokenizer} = require('@anush008/tokenizers');

const [bench, textFile, folders, filter = '', rounds = '3'] = process.argv.slice(2);
const text = readFileSync(textFile);

// As documents() in tokenize.cpp: ten lines each, or as many bytes as are asked for, cut between characters.
function documents(bytes) {
  const out = [];
  let begin = 0, lines = 0;
  for (let i = 0; i < text.length; ++i) {
    const full = bytes === 0 ? lines >= 10 : i - begin >= bytes;
    if (full && (text[i] & 0xC0) !== 0x80) {
      out.push(text.toString('utf8', begin, i));
      begin = i;
      lines = 0;
    }
    if (text[i] === 10) ++lines;
  }
  out.push(text.toString('utf8', begin));
  return out;
}

const sizes = {'10_bytes': documents(10), '100_bytes': documents(100), 'documents': documents(0),
               'whole': [text.toString('utf8')]};

// A call for a batch costs less a text than a call a text: what is left is the engine's own time.
async function peer(tokenizer, texts) {
  const start = process.cpuUsage();
  for (let i = 0; i < texts.length; i += 1000) await tokenizer.encodeBatch(texts.slice(i, i + 1000));
  const used = process.cpuUsage(start);  // microseconds
  return text.length / (used.user + used.system);
}

function library(folder) {
  const out = execFileSync(bench, ['--benchmark_filter=/(ids|full)$', '--benchmark_format=json',
                                   '--benchmark_min_time=0.1'],
                           {env: {...process.env, EIGENFORMER_TOKENIZERS: folder, EIGENFORMER_TEXT: textFile},
                            stdio: ['ignore', 'pipe', 'ignore']});
  return JSON.parse(out).benchmarks.map(row => {
    const [, , size, job] = row.name.split('/');
    return [size + '/' + job, row.bytes_per_second / 1e6];
  });
}

const files = folders.split(':').flatMap(folder => readdirSync(folder).map(name => join(folder, name)))
                  .filter(folder => basename(folder).includes(filter) && existsSync(join(folder, 'tokenizer.json')))
                  .sort();
console.log('| tokenizer | text | engine | ids | full | ids / engine | full / engine |');
console.log('| --- | --- | --- | --- | --- | --- | --- |');
for (const folder of files) {
  const best = {};
  const keep = (key, value) => best[key] = Math.max(best[key] ?? 0, value);
  const tokenizer = Tokenizer.fromFile(join(folder, 'tokenizer.json'));
  for (let round = 0; round < Number(rounds); ++round) {
    for (const [size, texts] of Object.entries(sizes)) keep(size + '/engine', await peer(tokenizer, texts));
    for (const [key, value] of library(folder)) keep(key, value);
  }
  for (const size of Object.keys(sizes)) {
    const [engine, ids, full] = ['engine', 'ids', 'full'].map(kind => best[`${size}/${kind}`]);
    console.log(`| ${basename(folder)} | ${size} | ${engine.toFixed(2)} | ${ids.toFixed(1)} | ${full.toFixed(1)} | ` +
                `${(ids / engine).toFixed(1)} | ${(full / engine).toFixed(1)} |`);
  }
}
