// The rows of `sessions` and `subscriptions`.
#pragma once

#include "broker/core/kept.hpp"
#include "storage/message_row.hpp"

namespace drawbridge::storage {

// All columns, in the order of the schema.
void bind_session(Statement& statement, const core::KeptSession& session, const ClockPair& clocks,
                  TenantNames& tenants);
void bind_subscription(Statement& statement, const core::KeptSubscription& subscription);

// Throw DamagedRow.
core::KeptSession read_session(const Statement& row, const ClockPair& clocks);
core::KeptSubscription read_subscription(const Statement& row);

}  // namespace drawbridge::storage
