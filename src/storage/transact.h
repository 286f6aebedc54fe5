#pragma once

#include "storage/database.h"

namespace cumulet::storage {

namespace detail {

/// One run of the body and its commit, or its giving up.
template <typename T, typename Body>
Task<T> run_once(Transaction& transaction, Body& body) {
  Result<T> result = co_await attempt(body(transaction));
  if (!result.ok()) {
    if (!result.error().is(errors::kTransactionConflict)) co_await transaction.give_up();
  } else {
    co_await transaction.commit();
  }
  co_return co_await std::move(result);
}

}  // namespace detail

template <typename Body>
auto transact(Database& database, Body body) -> std::invoke_result_t<Body&, Transaction&> {
  using T = typename std::invoke_result_t<Body&, Transaction&>::value_type;
  constexpr int kAttempts = 50;
  for (int attempts = 0; attempts < kAttempts; ++attempts) {
    const std::unique_ptr<Transaction> transaction = database.begin();
    Result<T> result = co_await attempt(detail::run_once<T, Body>(*transaction, body));
    if (!result.ok() && result.error().is(errors::kTransactionConflict)) continue;
    co_return co_await std::move(result);
  }
  co_await fail(errors::kServiceUnavailable, "The transaction met too many concurrent changes. Please retry.");
  __builtin_unreachable();
}

}  // namespace cumulet::storage
