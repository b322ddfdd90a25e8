// The schema of drawbridge.db: who may connect, and what each may do.
#pragma once

#include "storage/database.hpp"

namespace drawbridge::storage {

extern const Schema device_schema;

}  // namespace drawbridge::storage
