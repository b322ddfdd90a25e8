// The rows of `queue`: one message of one session. See message_schema.cpp.
#pragma once

#include "broker/core/kept.hpp"
#include "storage/message_row.hpp"

namespace drawbridge::storage {

// SELECT ... for read_queue_row(), of the rows where a condition on columns of queue holds. The
// content comes from the row itself or from its body.
std::string select_queue_rows(std::string_view where);

unsigned queue_flags(const core::KeptMessage& kept, unsigned flags_of_message);

// Little-endian, four bytes each.
void write_ids(const std::vector<std::uint32_t>& ids, std::vector<std::uint8_t>& out);

// Throws DamagedRow.
core::KeptMessage read_queue_row(const Statement& row, const ClockPair& clocks);

}  // namespace drawbridge::storage
