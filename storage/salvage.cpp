#include "storage/salvage.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sqlite3.h>

#include <algorithm>
#include <map>

#include "storage/database_copy.hpp"
#include "storage/durable.hpp"
#include "storage/free_space.hpp"
#include "storage/raw_rows.hpp"
#include "storage/swap.hpp"
#include "storage/wal_file.hpp"

namespace drawbridge::storage {
namespace {

using Roots = std::map<std::string, std::uint32_t>;  // of tables, by name

// A table of the new database, and how the old one keeps its rows.
struct Table {
    std::string name;
    bool with_rowid = true;
    std::vector<std::string> columns;     // in the order of the values in a row
    std::optional<std::size_t> rowid_at;  // the column that the rowid stands for
};

Table table_of(SQLite::Database& database, const std::string& name) {
    Table table{.name = name, .columns = {}, .rowid_at = {}};
    SQLite::Statement kind(database, "SELECT NOT wr FROM pragma_table_list(?)");
    kind.bind(1, name);
    table.with_rowid = kind.executeStep() && kind.getColumn(0).getInt() != 0;

    // Without rowids, the key's columns come first.
    SQLite::Statement columns(
        database, table.with_rowid
                      ? "SELECT name, pk, type FROM pragma_table_info(?) ORDER BY cid"
                      : "SELECT name, pk, type FROM pragma_table_info(?) ORDER BY pk = 0, pk, cid");
    columns.bind(1, name);
    int keys = 0;
    while (columns.executeStep()) {
        const bool is_key = columns.getColumn(1).getInt() > 0;
        keys += is_key ? 1 : 0;
        if (is_key && table.with_rowid && columns.getColumn(2).getString() == "INTEGER")
            table.rowid_at = table.columns.size();
        table.columns.push_back(columns.getColumn(0).getString());
    }
    if (keys != 1) table.rowid_at.reset();
    return table;
}

void bind_value(SQLite::Statement& insert, int index, const RawValue& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
        insert.bind(index, *number);
    else if (const auto* real = std::get_if<double>(&value))
        insert.bind(index, *real);
    else if (const auto* text = std::get_if<std::string>(&value))
        insert.bind(index, *text);
    else if (const auto* blob = std::get_if<RawBlob>(&value))
        insert.bind(index, blob->bytes.data(), static_cast<int>(blob->bytes.size()));
    else
        insert.bind(index);
}

// Puts rows into one table of the new database.
class Filler {
public:
    Filler(SQLite::Database& database, const Table& table) : database_(database), table_(table) {}

    // False if it is no row of this table.
    bool put(const RawRow& row) {
        const std::size_t size = row.values.size();
        if (size == 0 || size > table_.columns.size()) return false;
        SQLite::Statement& insert = insert_of(size);
        insert.tryReset();
        for (std::size_t i = 0; i < size; ++i)
            bind_value(insert, static_cast<int>(i) + 1,
                       table_.rowid_at == i ? RawValue(row.rowid) : row.values[i]);
        const int done = insert.tryExecuteStep();
        if (done == SQLITE_DONE) return true;
        if (done == SQLITE_CONSTRAINT || done == SQLITE_MISMATCH || done == SQLITE_TOOBIG)
            return false;
        throw SQLite::Exception(database_.getHandle(), done);
    }

private:
    // Of rows with so many values: those from before a column was added have fewer, and the others
    // have their defaults.
    SQLite::Statement& insert_of(std::size_t size) {
        const auto found = inserts_.find(size);
        if (found != inserts_.end()) return found->second;
        std::vector<std::string> names(table_.columns.begin(),
                                       table_.columns.begin() + static_cast<std::ptrdiff_t>(size));
        return inserts_
            .try_emplace(size, database_,
                         fmt::format("INSERT INTO \"{}\" (\"{}\") VALUES ({})", table_.name,
                                     fmt::join(names, "\", \""),
                                     fmt::join(std::vector<const char*>(size, "?"), ", ")))
            .first->second;
    }

    SQLite::Database& database_;
    const Table& table_;
    std::map<std::size_t, SQLite::Statement> inserts_;
};

// As the damaged file itself lists them.
Roots listed_roots(const RawPages& pages) {
    Roots roots;
    for_each_row(pages, 1, true, [&](const RawRow& row) {
        if (row.values.size() != 5) return;
        const auto* type = std::get_if<std::string>(&row.values[0]);
        const auto* name = std::get_if<std::string>(&row.values[1]);
        const auto* root = std::get_if<std::int64_t>(&row.values[3]);
        if (type == nullptr || *type != "table" || name == nullptr || root == nullptr) return;
        if (*root > 0 && *root <= pages.page_count())
            roots[*name] = static_cast<std::uint32_t>(*root);
    });
    return roots;
}

// In a database that was made by the same migrations, the tables begin on the same pages. So what
// a damaged list does not tell is known, unless what it does tell contradicts.
Roots roots_of(const RawPages& pages, SQLite::Database& like) {
    Roots known;
    SQLite::Statement query(like, "SELECT name, rootpage FROM sqlite_master WHERE type = 'table'");
    while (query.executeStep())
        known[query.getColumn(0).getString()] = query.getColumn(1).getUInt();
    const Roots listed = listed_roots(pages);
    const bool is_alike = std::all_of(listed.begin(), listed.end(), [&](const auto& one) {
        const auto found = known.find(one.first);
        return found != known.end() && found->second == one.second;
    });
    return is_alike ? known : listed;
}

// The highest number that each AUTOINCREMENT table has given; it is not given again.
void keep_sequences(const RawPages& pages, const Roots& roots, SQLite::Database& database) {
    const auto root = roots.find("sqlite_sequence");
    if (root == roots.end()) return;
    SQLite::Statement raise(database,
                            "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = ?2");
    SQLite::Statement add(database,
                          "INSERT INTO sqlite_sequence (name, seq) SELECT name, ?1 FROM "
                          "sqlite_master WHERE type = 'table' AND name = ?2");
    for_each_row(pages, root->second, true, [&](const RawRow& row) {
        if (row.values.size() != 2) return;
        const auto* name = std::get_if<std::string>(&row.values[0]);
        const auto* seq = std::get_if<std::int64_t>(&row.values[1]);
        if (name == nullptr || seq == nullptr) return;
        for (SQLite::Statement* statement : {&raise, &add}) {
            statement->reset();
            statement->bind(1, *seq);
            statement->bind(2, *name);
            if (statement->exec() > 0) break;
        }
    });
}

// Rows of what is lost must not become those of a namesake. Returns how many went.
std::uint64_t remove_orphans(SQLite::Database& database, const std::string& table) {
    std::uint64_t removed = 0;
    SQLite::Statement keys(database,
                           "SELECT \"table\", \"from\", coalesce(\"to\", (SELECT name FROM "
                           "pragma_table_info(\"table\") WHERE pk = 1)) "
                           "FROM pragma_foreign_key_list(?)");
    keys.bind(1, table);
    std::vector<std::string> deletions;
    while (keys.executeStep())
        deletions.push_back(fmt::format(
            "DELETE FROM \"{0}\" WHERE \"{2}\" IS NOT NULL AND \"{2}\" NOT IN (SELECT \"{3}\" FROM "
            "\"{1}\")",
            table, keys.getColumn(0).getString(), keys.getColumn(1).getString(),
            keys.getColumn(2).getString()));
    for (const std::string& deletion : deletions)
        removed += static_cast<std::uint64_t>(database.exec(deletion));
    return removed;
}

SalvagedTable fill(const RawPages& pages, const Roots& roots, SQLite::Database& database,
                   const std::string& name) {
    SalvagedTable report{.name = name};
    const auto root = roots.find(name);
    if (root == roots.end()) {
        report.pages_lost = 1;
        return report;
    }
    const Table table = table_of(database, name);
    Filler filler(database, table);
    const RawTree tree =
        for_each_row(pages, root->second, table.with_rowid, [&](const RawRow& row) {
            if (filler.put(row))
                ++report.rows;
            else
                ++report.rows_lost;
        });
    report.rows_lost += tree.rows_lost;
    report.pages_lost = tree.pages_lost;
    return report;
}

std::vector<SalvagedTable> fill(const RawPages& pages, SQLite::Database& database) {
    const Roots roots = roots_of(pages, database);
    std::vector<SalvagedTable> reports;
    SQLite::Statement names(database,
                            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                            "'sqlite\\_%' ESCAPE '\\' ORDER BY name");
    while (names.executeStep())
        reports.push_back(fill(pages, roots, database, names.getColumn(0).getString()));
    for (SalvagedTable& report : reports) {
        const std::uint64_t orphans = remove_orphans(database, report.name);
        report.rows -= orphans;
        report.rows_lost += orphans;
        report.is_complete = report.rows_lost == 0 && report.pages_lost == 0;
    }
    keep_sequences(pages, roots, database);
    return reports;
}

// Empty, of this version, without the triggers' work and the checks of foreign keys.
SQLite::Database make_empty(const std::filesystem::path& file, const Schema& schema,
                            std::size_t version) {
    SQLite::Database database = open_unjournaled(file);
    for (std::size_t i = 0; i < version; ++i) database.exec(schema.migrations[i]);
    database.exec(fmt::format("PRAGMA application_id = {}", schema.application_id));
    database.exec(fmt::format("PRAGMA user_version = {}", version));
    database.exec("PRAGMA foreign_keys = OFF");
    sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    return database;
}

// Of the damaged file; if that does not tell, this program's.
std::size_t version_to_salvage(const RawPages& pages, const std::filesystem::path& file,
                               const Schema& schema) {
    const std::size_t newest = schema.migrations.size();
    const auto application_id = pages.application_id();
    if (application_id && *application_id != static_cast<std::uint32_t>(schema.application_id))
        throw DatabaseRefused(fmt::format(
            "{} is damaged and belongs to another program; move it away", file.string()));
    const std::size_t version = pages.user_version().value_or(0);
    if (version > newest)
        throw DatabaseRefused(
            fmt::format("{} is damaged and was written by a newer Drawbridge (its version is {}, "
                        "this program knows {}); salvage it with that one, or restore a backup",
                        file.string(), version, newest));
    return version == 0 ? newest : version;
}

// For what of it is needed a second time.
void check_room(const std::filesystem::path& file) {
    std::uint64_t needed = 0;
    for (const char* suffix : {"", "-wal"}) {
        std::error_code missing;
        const auto bytes = std::filesystem::file_size(with_suffix(file, suffix), missing);
        if (!missing) needed += bytes;
    }
    const std::uint64_t free = free_bytes_at(directory_of(file));
    if (free < needed)
        throw DatabaseRefused(
            fmt::format("{} is damaged, and there is no room to salvage it: up to {} bytes are "
                        "needed in {}, {} are free; make room and start again",
                        file.string(), needed, directory_of(file).string(), free));
}

std::string unused_name(const std::filesystem::path& file, std::string_view time) {
    const std::string name = fmt::format("{}.damaged-{}", file.filename().string(), time);
    std::string unused = name;
    std::error_code ignored;
    for (int i = 2; std::filesystem::exists(directory_of(file) / unused, ignored); ++i)
        unused = fmt::format("{}-{}", name, i);
    return unused;
}

}  // namespace

std::optional<SalvageReport> salvage(const std::filesystem::path& file, const Schema& schema,
                                     std::string_view time) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored) &&
        !std::filesystem::exists(with_suffix(file, "-wal"), ignored))
        return std::nullopt;
    const auto damage = find_damage(file, schema, Thoroughness::thorough);
    if (!damage) return std::nullopt;
    check_room(file);

    const std::string name = file.filename().string();
    const std::string kept = unused_name(file, time);
    SalvageReport report{.damage = *damage, .kept = directory_of(file) / kept, .tables = {}};
    const auto replacement = with_suffix(file, ".salvaging");
    {
        const RawPages pages(file);
        SQLite::Database database =
            make_empty(replacement, schema, version_to_salvage(pages, file, schema));
        database.exec("BEGIN");
        report.tables = fill(pages, database);
        if (is_wal_damaged(with_suffix(file, "-wal")))
            for (SalvagedTable& table : report.tables) table.is_complete = false;
        database.exec("COMMIT");
        if (const auto wrong = find_damage(database, Thoroughness::thorough))
            throw DatabaseRefused(
                fmt::format("what was salvaged of {} is not right ({}); the "
                            "original is as it was, restore a backup",
                            file.string(), *wrong));
    }
    sync_path(replacement);
    swap_files(directory_of(file), {{name + "-wal", "", kept + "-wal"},
                                    {name + "-shm", "", kept + "-shm"},
                                    {name, replacement.filename().string(), kept}});
    return report;
}

}  // namespace drawbridge::storage
