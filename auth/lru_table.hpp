// LruTable: a map from 64-bit keys that holds so many entries and no more: a new one takes the
// place of the one that was touched the longest time ago.
//
// Keys are hashes of names, keyed with the broker's secret number (core::hash_text), so nobody
// finds two that are equal.
// Owner: one. Threads: the owner's only.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <utility>

namespace drawbridge::auth {

template <class Value>
class LruTable {
public:
    explicit LruTable(std::size_t entries_max) : entries_max_(entries_max) {}

    // Null if it is not there. Touches it.
    Value* find(std::uint64_t key) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return nullptr;
        by_use_.splice(by_use_.begin(), by_use_, found->second);
        return &found->second->second;
    }
    // Makes it if it is not there. Touches it.
    Value& get(std::uint64_t key) {
        if (Value* const value = find(key)) return *value;
        if (by_use_.size() >= entries_max_) {
            by_key_.erase(by_use_.back().first);
            by_use_.pop_back();
        }
        by_use_.emplace_front(key, Value());
        by_key_.emplace(key, by_use_.begin());
        return by_use_.front().second;
    }
    void erase(std::uint64_t key) {
        const auto found = by_key_.find(key);
        if (found == by_key_.end()) return;
        by_use_.erase(found->second);
        by_key_.erase(found);
    }
    template <class Which>
    void erase_if(Which which) {
        for (auto entry = by_use_.begin(); entry != by_use_.end();) {
            if (which(entry->second)) {
                by_key_.erase(entry->first);
                entry = by_use_.erase(entry);
            } else {
                ++entry;
            }
        }
    }
    // The one that was touched last first.
    template <class Visit>
    void visit(Visit visit) const {
        for (const auto& [key, value] : by_use_) visit(value);
    }
    std::size_t size() const { return by_use_.size(); }

private:
    using Entries = std::list<std::pair<std::uint64_t, Value>>;

    std::size_t entries_max_;
    Entries by_use_;
    boost::unordered_flat_map<std::uint64_t, typename Entries::iterator> by_key_;
};

}  // namespace drawbridge::auth
