#pragma once

#include "storage/database.h"

namespace cumulet::storage {

template <typename Body>
auto transact(Database& database, Body body) -> std::invoke_result_t<Body&, Transaction&> {
  using T = typename std::invoke_result_t<Body&, Transaction&>::value_type;
  constexpr int kAttempts = 50;
  for (int attempts = 0; attempts < kAttempts; ++attempts) {
    const std::unique_ptr<Transaction> transaction = database.begin();
    if constexpr (std::is_void_v<T>) {
      co_await body(*transaction);
      const Result<void> committed = co_await attempt(transaction->commit());
      if (committed.ok()) co_return;
      if (!committed.error().is(errors::kTransactionConflict)) co_await fail(committed.error());
    } else {
      T value = co_await body(*transaction);
      const Result<void> committed = co_await attempt(transaction->commit());
      if (committed.ok()) co_return value;
      if (!committed.error().is(errors::kTransactionConflict)) co_return committed.error();
    }
  }
  co_await fail(errors::kServiceUnavailable, "The transaction met too many concurrent changes. Please retry.");
  __builtin_unreachable();
}

}  // namespace cumulet::storage
