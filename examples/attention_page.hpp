// A page that shows attention maps: no script or style from elsewhere, readable without a network.
#pragma once

#include <eigenformer/core/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace page {

namespace ef = eigenformer;

/// The maps of one stack: what looks (a row each), what is looked at (a column each), and the probabilities
/// of [layer][head], each [queries, keys].
struct Map {
  std::string title;
  std::vector<std::string> queries, keys;
  std::vector<std::vector<ef::Matrix<float>>> heads;
};

/// Text as HTML, and inside a script's string literal.
inline std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\\': out += "&#92;"; break;
      case '\n': out += "&#9166;"; break;
      case '\r': out += "&#9229;"; break;
      default: out += c;
    }
  return out;
}

inline std::string list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ",\"" : "\"") + escaped(text) + '"';
  return out + "]";
}

/// Probabilities in 91 steps, one printable character each: '#' is 0, '~' is 1; '\\' is not among them.
inline std::string packed(const ef::Matrix<float>& p) {
  std::string out;
  for (ef::Index i = 0; i < p.size(); ++i) {
    const auto step = static_cast<int>(std::lround(90 * std::clamp(p.data()[i], 0.0F, 1.0F)));
    const int code = '#' + step;
    out += static_cast<char>(code >= '\\' ? code + 1 : code);
  }
  return out;
}

inline constexpr const char* style = R"(
body { font: 14px system-ui, sans-serif; margin: 1.5em; color: #1b1b1b; background: #fff }
h1 { font-size: 1.3em } h2 { font-size: 1.05em; margin: 1.6em 0 .3em }
p { max-width: 50em; line-height: 1.4 }
table.grid { border-collapse: collapse } table.grid th { font-weight: normal; color: #555; padding: 2px 6px }
canvas { image-rendering: pixelated; border: 1px solid #bbb; cursor: pointer; display: block }
canvas.chosen { outline: 3px solid #d95f02 }
.large { margin: .8em 0 0; overflow: auto }
.large table { border-collapse: collapse; font-size: 12px }
.large td { min-width: 26px; height: 24px; text-align: center; font-size: 9px; border: 1px solid #f2f2f2 }
.large th { font-weight: normal; white-space: pre; padding: 0 6px; text-align: right }
.large th.key { vertical-align: bottom; height: 7em; padding: 4px 0 }
.large th.key span { writing-mode: vertical-rl; transform: rotate(180deg) }
)";

inline constexpr const char* script = R"(
function value(text, i) { const c = text.charCodeAt(i); return (c > 92 ? c - 36 : c - 35) / 90 }
function colour(p) {
  const t = Math.sqrt(p), mix = (a, b) => Math.round(a + (b - a) * t);
  return [mix(255, 8), mix(255, 48), mix(255, 107)];
}
function unescaped(html) { const e = document.createElement('textarea'); e.innerHTML = html; return e.value }
function thumbnail(map, layer, head, choose) {
  const rows = map.queries.length, columns = map.keys.length, text = map.heads[layer][head];
  const canvas = document.createElement('canvas');
  canvas.width = columns; canvas.height = rows;
  const longest = Math.max(rows, columns);  // a whole number of pixels a token, or for long texts less than one
  const scale = longest > 120 ? 120 / longest : Math.max(1, Math.min(8, Math.round(90 / longest)));
  if (scale < 1) canvas.style.imageRendering = 'auto';
  canvas.style.width = columns * scale + 'px'; canvas.style.height = rows * scale + 'px';
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; ++i) image.data.set([...colour(value(text, i)), 255], 4 * i);
  canvas.getContext('2d').putImageData(image, 0, 0);
  canvas.title = 'layer ' + (layer + 1) + ', head ' + (head + 1);
  canvas.onclick = () => choose(layer, head, canvas);
  return canvas;
}
function large(map, layer, head) {
  const table = document.createElement('table'), top = table.insertRow(), text = map.heads[layer][head];
  const cell = (row, tag) => row.appendChild(document.createElement(tag));
  cell(top, 'th').textContent = 'layer ' + (layer + 1) + ', head ' + (head + 1);
  for (const key of map.keys) {
    const th = cell(top, 'th'); th.className = 'key';
    th.appendChild(document.createElement('span')).textContent = unescaped(key);
  }
  map.queries.forEach((query, q) => {
    const row = table.insertRow();
    cell(row, 'th').textContent = unescaped(query);
    map.keys.forEach((key, k) => {
      const p = value(text, q * map.keys.length + k), td = cell(row, 'td'), rgb = colour(p);
      td.style.background = 'rgb(' + rgb + ')';
      td.style.color = p > 0.2 ? '#fff' : '#555';
      td.textContent = p >= 0.05 ? p.toFixed(2).slice(p >= 0.995 ? 0 : 1) : '';
      td.title = unescaped(query) + ' looks at ' + unescaped(key) + ': ' + p.toFixed(2);
    });
  });
  return table;
}
for (const map of maps) {
  const section = document.body.appendChild(document.createElement('section'));
  section.appendChild(document.createElement('h2')).textContent = unescaped(map.title);
  const grid = section.appendChild(document.createElement('table')), head = grid.insertRow();
  const view = section.appendChild(document.createElement('div'));
  grid.className = 'grid'; view.className = 'large';
  let chosen = null;
  const choose = (layer, h, canvas) => {
    if (chosen) chosen.className = '';
    chosen = canvas; canvas.className = 'chosen';
    view.replaceChildren(large(map, layer, h));
  };
  head.appendChild(document.createElement('th'));
  map.heads[0].forEach((_, h) => head.appendChild(document.createElement('th')).textContent = 'head ' + (h + 1));
  map.heads.forEach((heads, layer) => {
    const row = grid.insertRow();
    row.appendChild(document.createElement('th')).textContent = 'layer ' + (layer + 1);
    heads.forEach((_, h) => {
      const canvas = thumbnail(map, layer, h, choose);
      row.insertCell().appendChild(canvas);
      if (layer === 0 && h === 0) choose(0, 0, canvas);
    });
  });
}
)";

/// The whole page.
inline std::string html(const std::string& model, const std::vector<Map>& maps) {
  std::string data = "const maps = [";
  for (const Map& map : maps) {
    data += "{title:\"" + escaped(map.title) + "\",queries:" + list(map.queries) + ",keys:" + list(map.keys) +
            ",heads:[";
    for (const auto& layer : map.heads) {
      data += '[';
      for (const auto& head : layer) {
        std::string text = packed(head);
        std::string quoted;  // a quotation mark cannot occur, '<' must not look like the end of the script
        for (const char c : text)
          if (c == '<')
            quoted += "\\x3c";
          else
            quoted += c;
        data += '"' + quoted + "\",";
      }
      data += "],";
    }
    data += "]},";
  }
  data += "];";
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Attention of " +
         escaped(model) + "</title>\n<style>" + style + "</style></head>\n<body><h1>Attention of " +
         escaped(model) +
         "</h1>\n<p>A row is a token that looks, a column a token that is looked at; the darker, the more of "
         "the attention goes there. Choose a head to see it with its tokens and shares.</p>\n<script>" +
         data + script + "</script></body></html>\n";
}

}  // namespace page
