#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "services/dynamodb/expression_parser.h"

namespace cumulet::dynamodb {
namespace {

/// The expressions used last, newest first. One a thread, so that no lock is needed.
class Cache {
 public:
  std::shared_ptr<const Expression> find(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  void add(const std::string& key, std::shared_ptr<const Expression> expression) {
    constexpr std::size_t kCapacity = 256;
    if (entries_.size() >= kCapacity) {
      by_key_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, std::move(expression));
    by_key_[key] = entries_.begin();
  }

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Expression>>;
  std::list<Entry> entries_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace

Result<std::shared_ptr<const Expression>> parse_expression_cached(ExpressionKind kind, std::string_view text) {
  thread_local Cache cache;
  std::string key;
  key.reserve(text.size() + 1);
  key += static_cast<char>(kind);
  key += text;
  if (std::shared_ptr<const Expression> known = cache.find(key)) return known;
  Result<Expression> parsed = parse_expression(kind, text);
  if (!parsed) return std::move(parsed).error();
  std::shared_ptr<const Expression> expression = std::make_shared<const Expression>(std::move(*parsed));
  cache.add(key, expression);
  return expression;
}

}  // namespace cumulet::dynamodb
