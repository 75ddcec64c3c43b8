// How training shows itself: a line on a terminal, or plain lines; a table and a picture of the losses.
#pragma once

#include "chart.hpp"
#include "common.hpp"
#include <eigenformer/hub/write_file.hpp>
#include <eigenformer/train/trainer.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace example {

namespace ef = eigenformer;

/// "1:02:03" or "4:05".
inline std::string duration(double seconds) {
  const auto all = static_cast<long>(seconds + 0.5);
  char text[48];
  if (all >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", all / 3600, all / 60 % 60, all % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld", all / 60, all % 60);
  return text;
}

/// Reports steps on stderr: in place on a terminal, otherwise a line every so many steps.
class Progress {
 public:
  Progress(ef::Index steps, ef::Index every) : steps_(steps), every_(every) {}

  void show(const ef::StepReport& r) const {
    const bool last = r.step == steps_;
    if (!terminal_ && !last && r.step % every_ != 0 && !r.held_out_loss) return;
    std::fprintf(stderr, "%sstep %td/%td  loss %.4f  rate %.2e  norm %.3f  %.0f tokens/s  %s left",
                 terminal_ ? "\r\033[K" : "", r.step, steps_, r.loss, r.learning_rate, r.gradient_norm,
                 r.tokens_per_second, duration(r.seconds_left).c_str());
    if (r.held_out_loss) std::fprintf(stderr, "  held-out loss %.4f", *r.held_out_loss);
    if (!terminal_ || last || r.held_out_loss) std::fputc('\n', stderr);
    std::fflush(stderr);
  }

 private:
  ef::Index steps_, every_;
  bool terminal_ = is_terminal(stderr);
};

/// The losses of all steps, kept beside the model as loss.csv and loss.svg.
class LossHistory {
 public:
  void add(const ef::StepReport& r) {
    rows_.push_back({r.step, r.loss, r.learning_rate, r.gradient_norm, r.held_out_loss});
  }

  /// Takes up the table of a checkpoint; none is fine.
  void read(const std::string& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    while (std::getline(stream, line)) {
      Row row;
      char* at = line.data();
      row.step = std::strtol(at, &at, 10);
      for (double* value : {&row.loss, &row.rate, &row.norm})
        if (*at == ',') *value = std::strtod(at + 1, &at);
      if (*at == ',' && at[1]) row.held_out = std::strtod(at + 1, &at);
      rows_.push_back(row);
    }
  }

  void write_table(const std::string& file) const {
    std::string text = "step,loss,learning_rate,gradient_norm,held_out_loss\n";
    for (const Row& row : rows_) {
      char line[160];
      std::snprintf(line, sizeof line, "%td,%.9g,%.9g,%.9g,", row.step, row.loss, row.rate, row.norm);
      text += line;
      if (row.held_out) {
        std::snprintf(line, sizeof line, "%.9g", *row.held_out);
        text += line;
      }
      text += '\n';
    }
    ef::write_file(file, text);
  }

  /// The loss over the steps, smoothed over a hundredth of them, and the held-out loss.
  void draw(const std::string& file) const {
    if (rows_.size() < 2) return;
    Series train{.name = "training"}, held{.name = "held out", .dashed = true};
    const std::size_t group = (std::max)(std::size_t{1}, rows_.size() / 200);
    for (std::size_t first = 0; first < rows_.size(); first += group) {
      const std::size_t end = (std::min)(first + group, rows_.size());
      double sum = 0;
      for (std::size_t i = first; i < end; ++i) sum += rows_[i].loss;
      train.points.push_back(
          {static_cast<double>(rows_[end - 1].step), sum / static_cast<double>(end - first)});
    }
    for (const Row& row : rows_)
      if (row.held_out) held.points.push_back({static_cast<double>(row.step), *row.held_out});
    Chart chart{.title = "Loss", .x_label = "step", .y_label = "nats a token", .series = {train}};
    if (held.points.size() > 1) chart.series.push_back(held);
    write_svg(file, chart);
  }

 private:
  struct Row {
    ef::Index step = 0;
    double loss = 0, rate = 0, norm = 0;
    std::optional<double> held_out{};
  };
  std::vector<Row> rows_;
};

}  // namespace example
