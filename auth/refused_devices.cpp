#include "auth/refused_devices.hpp"

#include <algorithm>

#include "broker/core/text_hash.hpp"

namespace drawbridge::auth {
namespace {

bool has_new_key(const DeviceRecord& before, const DeviceRecord& now) {
    if (now.psk && now.psk != before.psk) return true;
    return std::any_of(now.keys.begin(), now.keys.end(), [&](const KeyRecord& key) {
        return std::find(before.keys.begin(), before.keys.end(), key) == before.keys.end();
    });
}

}  // namespace

void RefusedDevices::note(std::string_view device_id, const DeviceRecordPtr& record) {
    DeviceRecordPtr& noted = records_.get(core::hash_text(device_id));
    if (noted == nullptr) noted = record;
}

bool RefusedDevices::may_come_again(std::string_view device_id, const DeviceRecord& record) {
    const DeviceRecordPtr* const before = records_.find(core::hash_text(device_id));
    if (before == nullptr || !record.enabled) return false;
    if ((*before)->enabled && !has_new_key(**before, record)) return false;
    records_.erase(core::hash_text(device_id));
    return true;
}

}  // namespace drawbridge::auth
