#include "base/metrics.h"

#include <cmath>

#include <fmt/format.h>

namespace cumulet {
namespace {

/// `a="b",c="d"`, as it stands between the braces.
std::string label_text(const Labels& labels) {
  std::string out;
  for (const auto& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += name;
    out += "=\"";
    for (const char c : value) {
      if (c == '\n') {
        out += "\\n";
      } else {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
    }
    out += '"';
  }
  return out;
}

template <typename T>
T& find_or_make(std::map<std::string, std::unique_ptr<T>>& family, std::string key) {
  std::unique_ptr<T>& slot = family[std::move(key)];
  if (!slot) slot = std::make_unique<T>();
  return *slot;
}

template <typename Value>
void render_line(std::string& out, const std::string& name, const std::string& labels, Value value) {
  if (labels.empty()) {
    fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
  } else {
    fmt::format_to(std::back_inserter(out), "{}{{{}}} {}\n", name, labels, value);
  }
}

}  // namespace

void Histogram::observe(double seconds) {
  if (!(seconds >= 0)) seconds = 0;
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_micros_.fetch_add(static_cast<std::uint64_t>(std::llround(std::min(seconds, 1e9) * 1e6)),
                        std::memory_order_relaxed);
}

void Histogram::render(std::string& out, const std::string& name, const std::string& labels) const {
  const std::string prefix = labels.empty() ? "" : labels + ",";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    total += counts_[i].load(std::memory_order_relaxed);
    const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
    render_line(out, name + "_bucket", fmt::format("{}le=\"{}\"", prefix, bound), total);
  }
  render_line(out, name + "_sum", labels, static_cast<double>(sum_micros_.load(std::memory_order_relaxed)) / 1e6);
  render_line(out, name + "_count", labels, total);
}

Counter& Metrics::counter(const std::string& name, const Labels& labels) {
  std::lock_guard lock(mutex_);
  return find_or_make(counters_[name], label_text(labels));
}

Gauge& Metrics::gauge(const std::string& name, const Labels& labels) {
  std::lock_guard lock(mutex_);
  return find_or_make(gauges_[name], label_text(labels));
}

Histogram& Metrics::histogram(const std::string& name, const Labels& labels) {
  std::lock_guard lock(mutex_);
  return find_or_make(histograms_[name], label_text(labels));
}

std::string Metrics::render() const {
  std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : counters_) {
    out += "# TYPE " + name + " counter\n";
    for (const auto& [labels, counter] : family) render_line(out, name, labels, counter->value());
  }
  for (const auto& [name, family] : gauges_) {
    out += "# TYPE " + name + " gauge\n";
    for (const auto& [labels, gauge] : family) render_line(out, name, labels, gauge->value());
  }
  for (const auto& [name, family] : histograms_) {
    out += "# TYPE " + name + " histogram\n";
    for (const auto& [labels, histogram] : family) histogram->render(out, name, labels);
  }
  return out;
}

Metrics& Metrics::instance() {
  static Metrics registry;
  return registry;
}

}  // namespace cumulet
