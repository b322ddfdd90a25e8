#include "auth/record_cache.hpp"

namespace drawbridge::auth {

const KeyRecord* DeviceRecord::find_key(std::string_view key_id) const {
    for (const KeyRecord& key : keys)
        if (key.key_id == key_id) return &key;
    return nullptr;
}

DeviceRecordPtr RecordCache::find(std::string_view device_id) {
    const auto found = by_id_.find(device_id);
    if (found == by_id_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->second;
}

void RecordCache::remember(std::string_view device_id, DeviceRecordPtr record) {
    forget(device_id);
    if (by_use_.size() >= records_max_) {
        by_id_.erase(by_use_.back().first);
        by_use_.pop_back();
    }
    by_use_.emplace_front(device_id, std::move(record));
    by_id_.emplace(by_use_.front().first, by_use_.begin());
}

void RecordCache::forget(std::string_view device_id) {
    const auto found = by_id_.find(device_id);
    if (found == by_id_.end()) return;
    const auto entry = found->second;
    by_id_.erase(found);
    by_use_.erase(entry);
}

void RecordCache::clear() {
    by_id_.clear();
    by_use_.clear();
}

}  // namespace drawbridge::auth
