// node read_back.js TOKENIZER.json LINES.json: the ids that Hugging Face's engine gives to each line, as JSON. Exits
// with 3 where the package is absent.
const fs = require('fs');
let engine;
for (const name of ['@anush008/tokenizers', 'tokenizers']) {
  try {
    engine = require(name);
    break;
  } catch (error) {
  }
}
if (!engine) process.exit(3);
(async () => {
  const tokenizer = engine.Tokenizer.fromString(fs.readFileSync(process.argv[2], 'utf8'));
  const out = [];
  for (const line of JSON.parse(fs.readFileSync(process.argv[3], 'utf8'))) {
    const ids = Array.from((await tokenizer.encode(line, null, {addSpecialTokens: true})).getIds());
    out.push({ids, text: await tokenizer.decode(ids, true)});
  }
  process.stdout.write(JSON.stringify(out));
})();
