// guarded: reads at the start what a damaged file may say anything of.
#pragma once

#include <fmt/format.h>

#include "storage/database.hpp"
#include "storage/message_row.hpp"

namespace drawbridge::storage {

// Runs it; what SQLite or a row says of damage becomes DatabaseRefused.
template <class Read>
void guarded(const std::filesystem::path& file, Read read) {
    const auto refuse = [&](const char* what) {
        throw DatabaseRefused(fmt::format(
            "{} is damaged ({}); start with `serve --salvage` to keep what is readable, or "
            "restore a backup",
            file.native(), what));
    };
    try {
        read();
    } catch (const SQLite::Exception& failure) {
        refuse(failure.what());
    } catch (const DamagedRow& row) {
        refuse(row.what());
    }
}

}  // namespace drawbridge::storage
