// RefusedDevices: how devices were when they were refused, so that it is seen when one may come
// again: then what has failed until now is forgotten, or the operator who has just enabled a device
// would see it locked out for having tried.
//
// Owner: the Authenticator. Threads: the owner's only. Limit: limits::throttled_names_max; the one
// that was refused or asked for the longest time ago goes first.
#pragma once

#include <string_view>

#include "auth/limits.hpp"
#include "auth/lru_table.hpp"
#include "auth/record_cache.hpp"

namespace drawbridge::auth {

class RefusedDevices {
public:
    // Of several refusals the first counts, until it may come again.
    void note(std::string_view device_id, const DeviceRecordPtr& record);

    // record: as it is now. True if what was refused may be right by now: the device was disabled,
    // or has a key or a PSK that it did not have. A key that somebody has not got stays wrong.
    bool may_come_again(std::string_view device_id, const DeviceRecord& record);

private:
    LruTable<DeviceRecordPtr> records_{limits::throttled_names_max};
};

}  // namespace drawbridge::auth
