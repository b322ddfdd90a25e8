#include "auth/device_row.hpp"

#include "storage/unix_time.hpp"

namespace drawbridge::auth {

StoredDevice device_in(SQLite::Statement& row) {
    StoredDevice device;
    device.device_id = row.getColumn(0).getString();
    device.tenant = row.getColumn(1).getString();
    device.profile = row.getColumn(2).getString();
    device.name = row.getColumn(3).getString();
    device.enabled = row.getColumn(4).getInt() != 0;
    device.created_at = storage::from_unix_ms(row.getColumn(5).getInt64());
    device.last_seen = time_in(row.getColumn(6));
    device.last_refusal_at = time_in(row.getColumn(7));
    device.last_refusal = row.getColumn(8).getString();
    device.kind = row.getColumn(9).getString() == to_text(AccountKind::service)
                      ? AccountKind::service
                      : AccountKind::device;
    return device;
}

std::optional<WallTime> time_in(const SQLite::Column& column) {
    if (column.isNull()) return std::nullopt;
    return storage::from_unix_ms(column.getInt64());
}

void bind_time(SQLite::Statement& statement, int index, std::optional<WallTime> time) {
    if (time)
        statement.bind(index, storage::to_unix_ms(*time));
    else
        statement.bind(index);
}

}  // namespace drawbridge::auth
