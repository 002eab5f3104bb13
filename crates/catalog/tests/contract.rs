//! One suite of promises, kept by both engines: SQLite in a folder of its own, and a real PostgreSQL that is started
//! on scratch (`contract/server.rs`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

#[path = "contract/rig.rs"]
mod rig;
#[path = "contract/server.rs"]
mod server;

#[path = "contract/acts.rs"]
mod acts;
#[path = "contract/crowds.rs"]
mod crowds;
#[path = "contract/gate_crowds.rs"]
mod gate_crowds;
#[path = "contract/gates.rs"]
mod gates;
#[path = "contract/held.rs"]
mod held;
#[path = "contract/history.rs"]
mod history;
#[path = "contract/landing.rs"]
mod landing;
#[path = "contract/memory.rs"]
mod memory;
#[path = "contract/portable.rs"]
mod portable;
#[path = "contract/rot.rs"]
mod rot;
#[path = "contract/trouble.rs"]
mod trouble;

/// Makes of each function of a suite two tests, one for each engine.
macro_rules! on_both_engines {
    ($suite:ident: $($test:ident),* $(,)?) => {
        mod $suite {
            mod sqlite {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $test() {
                        let rig = crate::rig::Rig::sqlite().await;
                        crate::$suite::$test(&rig.catalog).await;
                        rig.catalog.close().await;
                    }
                )*
            }
            mod postgres {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $test() {
                        let Some(rig) = crate::rig::Rig::postgres().await else { return };
                        crate::$suite::$test(&rig.catalog).await;
                        rig.catalog.close().await;
                    }
                )*
            }
        }
    };
}

mod kept {
    on_both_engines!(landing:
        a_landed_version_reads_back_whole,
        what_is_not_known_stays_unknown,
        the_same_bytes_again_are_not_first,
        other_bytes_are_a_conflict_that_changes_nothing,
        a_zip_lands_once_and_only_as_expected,
        a_zip_needs_its_version,
        views_are_apart,
        a_version_lands_in_the_view_that_is_named,
        listings_are_ordered_and_bounded,
        modules_are_listed_by_bytes,
        landings_tell_everything_in_order,
    );

    on_both_engines!(acts:
        withdrawn_versions_come_back_only_by_a_release,
        an_act_needs_its_version,
        what_one_view_withholds_lands_in_no_other,
        what_was_never_in_prod_is_withdrawn_there_too,
        legal_reasons_are_added_and_not_lessened,
        a_quarantine_becomes_a_withdrawal_and_not_the_reverse,
        a_release_says_where_it_was,
        one_view_is_released_alone,
        what_any_view_withholds_is_listed_where_it_is_not,
        other_bytes_never_take_the_name_of_what_was_withdrawn,
    );

    on_both_engines!(gates:
        a_verdict_is_kept_with_what_follows_from_it,
        a_verdict_that_says_the_same_is_kept_once,
        what_settles_twice_changes_nothing,
        what_is_withheld_is_judged_and_lands_nowhere,
        a_verdict_needs_its_version,
        refusals_are_listed_until_they_end,
        due_verdicts_are_the_newest_ones,
        verdicts_are_listed_by_number,
        waivers_cover_what_they_name_while_they_hold,
        a_waiver_ends_once,
        a_token_is_found_by_its_hash_and_revoked_once,
        deeds_are_told_by_pages,
    );

    on_both_engines!(gate_crowds:
        sixty_four_promotions_have_one_first,
        a_withdrawal_among_promotions_has_the_last_word,
        acts_on_one_version_at_once_are_numbered_without_gaps,
        equal_verdicts_at_once_are_one,
        the_newest_verdict_is_the_last_one,
        a_name_and_a_waiver_go_to_one_of_many,
        whoever_follows_deeds_misses_none,
    );

    on_both_engines!(history:
        a_moment_is_the_last_landing_before_it,
    );

    on_both_engines!(held:
        every_version_is_listed_once_whatever_views_say,
        stored_modules_are_listed_by_bytes,
        what_has_not_come_through_is_held,
        the_last_verdict_has_the_highest_number,
    );

    on_both_engines!(memory:
        a_list_is_kept_and_its_changes_observed,
        hostile_lines_of_a_list_do_no_harm,
        an_empty_list_is_a_list,
        a_resolution_is_kept_and_its_moves_observed,
        late_answers_do_not_replace_newer_ones,
        answers_from_the_future_are_replaced,
        records_stay_as_they_came_first,
        the_largest_head_is_found,
        quarantine_keeps_one_row_for_each_way_to_be_wrong,
        events_are_listed_newest_first,
        settings_are_replaced,
    );

    on_both_engines!(crowds:
        sixty_four_landers_of_other_bytes_have_one_winner,
        sixty_four_landers_of_the_same_bytes_have_one_first,
        five_hundred_landings_are_numbered_without_gaps,
        sixty_four_zips_have_one_winner,
        a_failing_neighbour_hurts_nobody,
        readers_see_what_was_answered,
        a_caller_that_goes_away_leaves_no_half,
    );

    on_both_engines!(portable:
        what_is_dumped_loads_into_both_engines,
        a_dump_is_of_one_moment_while_others_write,
        a_bad_line_loads_nothing,
        what_was_brought_up_to_date_dumps_as_before_at_the_older_schema,
        backups_of_before_the_gates_are_brought_up_to_date,
    );

    on_both_engines!(rot:
        one_flipped_bit_is_turned_back,
        each_row_has_its_own_seal,
        more_than_one_bit_is_refused_and_named,
        rows_of_earlier_releases_are_sealed_on_request,
        rows_that_lost_each_other_are_named,
        verdicts_that_lost_their_rows_are_named,
        rotten_caches_are_asked_for_again,
        a_dump_does_not_pass_rot_on,
        a_text_that_is_none_any_more_stops_no_listing,
        a_bit_beside_an_unsealed_row_is_told_and_seals_no_other,
        a_page_that_cannot_be_read_does_not_end_the_list,
    );

    on_both_engines!(trouble:
        health_is_good,
        a_reopened_catalog_has_everything,
    );
}
