// JournalShard: what a shard has to do with a journal: submits bundles, waits until they are safe.
#pragma once

#include <condition_variable>
#include <mutex>

#include "storage/journal.hpp"

namespace drawbridge::test {

// Waits in the test's thread for what the journal's threads tell.
class JournalNews {
public:
    void listen(core::Journal& journal, unsigned shards) {
        for (unsigned shard = 0; shard < shards; ++shard)
            journal.on_news(shard, [this] {
                const std::lock_guard lock(mutex_);
                ++told_;
                news_.notify_all();
            });
    }

    // Until done() holds; looks again at each news. Returns false after ten seconds.
    template <class Done>
    bool wait(Done done) {
        std::unique_lock lock(mutex_);
        for (;;) {
            const std::uint64_t told = told_;
            lock.unlock();
            if (done()) return true;
            lock.lock();
            if (!news_.wait_for(lock, std::chrono::seconds(10), [&] { return told_ != told; }))
                return done();
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable news_;
    std::uint64_t told_ = 0;  // guarded by mutex_
};

inline core::MessagePtr message(std::string_view topic, std::string_view payload,
                                std::uint8_t qos = 1) {
    core::MessageView view;
    view.topic = topic;
    view.payload = as_bytes(payload);
    view.qos = qos;
    return core::Message::copy_of(view);
}

inline core::KeptMessage waiting(core::SessionId session, std::uint64_t seq,
                                 core::MessagePtr what) {
    core::KeptMessage kept;
    kept.session = session;
    kept.seq = seq;
    kept.message = std::move(what);
    kept.qos = 1;
    return kept;
}

inline core::KeptSession session(core::SessionId id, std::string client_id) {
    core::KeptSession kept;
    kept.id = id;
    kept.client_id = std::move(client_id);
    kept.expiry_s = 3600;
    kept.ends_at = WallTime::max();
    return kept;
}

}  // namespace drawbridge::test
