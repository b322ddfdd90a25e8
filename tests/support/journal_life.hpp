// JournalLife: a messages.db in a directory of its own, and lives of a broker's journal on it, one
// after the other.
#pragma once

#include <catch2/catch.hpp>
#include <map>

#include "storage/message_schema.hpp"
#include "storage/recovery.hpp"
#include "tests/support/journal_shard.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::test {

class JournalLife {
public:
    explicit JournalLife(unsigned shards = 1, bool start = true) : shards_(shards) { begin(start); }

    // With what `options` says by now.
    void begin(bool start = true) {
        options.file = file();
        options.shards = shards_;
        if (options.retained_of == nullptr)
            options.retained_of = [](auto) { return std::vector<core::KeptRetained>{}; };
        journal = std::make_unique<storage::Journal>(options);
        news.listen(*journal, shards_);
        if (start) journal->start();
    }
    void end() { journal.reset(); }

    std::filesystem::path file() const { return directory_.path() / "messages.db"; }

    // Submits, and waits until it is committed.
    void commit(core::Bundle bundle, unsigned shard = 0) {
        const auto number =
            journal->submit(shard, std::make_unique<core::Bundle>(std::move(bundle)));
        REQUIRE(news.wait([&] { return journal->committed(shard) >= number; }));
    }

    core::Journal::Loaded load(core::Journal::Load load) {
        journal->load(0, load);
        std::vector<core::Journal::Loaded> loaded;
        REQUIRE(news.wait([&] { return !(loaded = journal->loaded(0)).empty(); }));
        return loaded.at(0);
    }

    std::map<core::SessionId, core::RecoveredSession> recovered() const {
        std::map<core::SessionId, core::RecoveredSession> all;
        storage::Recovery(file()).visit_sessions(
            [&](core::RecoveredSession one) { all.emplace(one.session.id, std::move(one)); });
        return all;
    }

    // Of all sessions, those on their way as well.
    std::uint64_t messages() const {
        std::uint64_t messages = 0;
        for (const auto& [id, one] : recovered()) messages += one.queue.messages + one.sent.size();
        return messages;
    }

    // Of a table, perhaps with WHERE.
    int count(const std::string& rows) const {
        return storage::open_messages(file()).execAndGet("SELECT count(*) FROM " + rows).getInt();
    }
    // By somebody else's hand.
    void run(const std::string& sql) const { storage::open_messages(file()).exec(sql); }

private:
    TemporaryDirectory directory_;
    unsigned shards_;

public:
    storage::JournalOptions options;
    JournalNews news;
    std::unique_ptr<storage::Journal> journal;
};

}  // namespace drawbridge::test
