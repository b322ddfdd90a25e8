// RecordCache: what the authenticator remembers of devices, so that a known one costs no query.
//
// Remembers also that a device does not exist: then both cases take the same time.
// Owner: the Verifier. Threads: the owner's only; the records themselves: any, immutable.
// Limit: limits::device_records_max; the one that was asked for the longest time ago goes first.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/acl.hpp"
#include "auth/api_key.hpp"
#include "broker/base/clock.hpp"

namespace drawbridge::auth {

struct KeyRecord {
    std::string key_id;
    KeyHash hash{};
    std::optional<WallTime> expires_at;

    bool expired(WallTime now) const { return expires_at && *expires_at <= now; }

    friend bool operator==(const KeyRecord&, const KeyRecord&) = default;
};

struct DeviceRecord {
    bool known = false;
    bool enabled = false;
    bool is_service = false;
    DevicePtr device;  // null if it is not known, or has a profile that is not known
    std::vector<KeyRecord> keys;
    std::optional<KeyRecord> psk;  // its hash is that of its digits, in lower case

    const KeyRecord* find_key(std::string_view key_id) const;
};

// Shared, because a record in use may be pushed out by the next one that is looked up.
using DeviceRecordPtr = std::shared_ptr<const DeviceRecord>;

class RecordCache {
public:
    explicit RecordCache(std::size_t records_max) : records_max_(records_max) {}

    DeviceRecordPtr find(std::string_view device_id);  // null if it is not remembered
    void remember(std::string_view device_id, DeviceRecordPtr record);
    void forget(std::string_view device_id);
    void clear();
    std::size_t size() const { return by_id_.size(); }

private:
    using Entry = std::pair<std::string, DeviceRecordPtr>;

    std::size_t records_max_;
    std::list<Entry> by_use_;                                                 // last used first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_id_;  // views into by_use_
};

}  // namespace drawbridge::auth
