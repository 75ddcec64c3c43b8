// Lines over two logarithmic axes, as an SVG picture.
#pragma once

#include <eigenformer/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

struct Point {
  double x = 0, y = 0;
};

struct Series {
  std::string name{};
  std::vector<Point> points{};
  bool dashed = false;
};

struct Chart {
  std::string title{}, x_label{}, y_label{};
  std::string legend{};  ///< above the names of the lines
  std::vector<Series> series{};
  bool log_y = true;
  int x_base = 10;  ///< 2: ticks at powers of two
};

namespace chart_detail {

inline std::string number(double value, const char* form) {
  char text[48];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

/// A tick's number; large powers of ten as 10ⁿ.
inline std::string tick_text(double value) {
  const double exponent = std::log10(value);
  if (value < 1e5 || std::abs(exponent - std::round(exponent)) > 1e-9) return number(value, "%.4g");
  return "10<tspan dy=\"-5\" font-size=\"10\">" + number(std::round(exponent), "%.0f") + "</tspan>";
}

/// An axis from `low` to `high`, drawn from `first` to `last`.
struct Axis {
  double low, high, first, last;
  bool log;
  int base = 10;

  double scale(double v) const { return log ? std::log10(v) : v; }
  double place(double v) const {
    return first + (scale(v) - scale(low)) / (scale(high) - scale(low)) * (last - first);
  }
  /// Powers of ten (with 2 and 5 between where there are few), or round steps.
  std::vector<double> ticks() const {
    std::vector<double> at;
    if (log && base == 2) {
      for (double v = std::exp2(std::ceil(std::log2(low))); v <= high * 1.001; v *= 2) at.push_back(v);
    } else if (log) {
      const int from = static_cast<int>(std::floor(std::log10(low))),
                to = static_cast<int>(std::ceil(std::log10(high)));
      const bool fine = to - from <= 4;
      const int step = (std::max)(1, (to - from) / 8);
      for (int e = from; e <= to; e += step) {
        for (const double m : {1.0, 2.0, 5.0}) {
          const double v = m * std::pow(10.0, e);
          if ((m == 1.0 || fine) && v >= low * 0.999 && v <= high * 1.001) at.push_back(v);
        }
      }
    } else {
      const double raw = (high - low) / 6, ten = std::pow(10.0, std::floor(std::log10(raw)));
      const double step = raw / ten < 2 ? 2 * ten : raw / ten < 5 ? 5 * ten : 10 * ten;
      for (double v = std::ceil(low / step) * step; v <= high; v += step) at.push_back(v);
    }
    return at;
  }
};

}  // namespace chart_detail

/// Writes the chart. @throws ef::FileError  where the file cannot be written
inline void write_svg(const std::string& path, const Chart& chart) {
  using chart_detail::Axis, chart_detail::number, chart_detail::tick_text;
  namespace ef = eigenformer;
  static constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                            "#e69f00", "#56b4e9", "#555555"};
  Axis x{1e300, 0, 90, 650, true, chart.x_base}, y{1e300, 0, 430, 50, chart.log_y};
  for (const Series& s : chart.series) {
    for (const Point& p : s.points) {
      x.low = (std::min)(x.low, p.x), x.high = (std::max)(x.high, p.x);
      y.low = (std::min)(y.low, p.y), y.high = (std::max)(y.high, p.y);
    }
  }
  if (chart.log_y) y.low /= 1.2, y.high *= 1.2;
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 820 490\" width=\"820\" height=\"490\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"820\" height=\"490\" fill=\"white\"/>\n";
  const auto text = [&](double at_x, double at_y, const char* anchor, const std::string& what,
                        const std::string& more = "") {
    out += "<text x=\"" + number(at_x, "%.1f") + "\" y=\"" + number(at_y, "%.1f") + "\" text-anchor=\"" +
           anchor + "\"" + more + ">" + what + "</text>\n";
  };
  const auto line = [&](double x1, double y1, double x2, double y2, const char* stroke) {
    out += "<line x1=\"" + number(x1, "%.1f") + "\" y1=\"" + number(y1, "%.1f") + "\" x2=\"" +
           number(x2, "%.1f") + "\" y2=\"" + number(y2, "%.1f") + "\" stroke=\"" + stroke + "\"/>\n";
  };
  for (const double v : x.ticks()) {
    line(x.place(v), y.first, x.place(v), y.last, "#e4e4e4");
    text(x.place(v), y.first + 18, "middle", tick_text(v));
  }
  for (const double v : y.ticks()) {
    line(x.first, y.place(v), x.last, y.place(v), "#e4e4e4");
    text(x.first - 8, y.place(v) + 4, "end", tick_text(v));
  }
  line(x.first, y.first, x.last, y.first, "black");
  line(x.first, y.first, x.first, y.last, "black");
  text(370, 28, "middle", chart.title, " font-size=\"15\"");
  text(370, 474, "middle", chart.x_label);
  text(24, 240, "middle", chart.y_label, " transform=\"rotate(-90 24 240)\"");
  if (!chart.legend.empty()) text(665, 64, "start", chart.legend, " fill=\"#555555\"");
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& s = chart.series[i];
    const std::string stroke = std::string(" stroke=\"") + (s.dashed ? "#000000" : colours[i % 7]) +
                               "\" stroke-width=\"2\"" + (s.dashed ? " stroke-dasharray=\"6 4\"" : "");
    out += "<polyline fill=\"none\"" + stroke + " points=\"";
    for (const Point& p : s.points) out += number(x.place(p.x), "%.1f,") + number(y.place(p.y), "%.1f ");
    out += "\"/>\n";
    const double at = (chart.legend.empty() ? 60 : 82) + 22 * static_cast<double>(i);
    out += "<path fill=\"none\"" + stroke + " d=\"M665 " + number(at, "%.1f") + "h24\"/>\n";
    text(695, at + 4, "start", s.name);
  }
  out += "</svg>\n";
  std::ofstream file(path, std::ios::binary);
  file << out;
  file.flush();
  if (!file) ef::fail(ef::FileError(path, "cannot be written"));
}
