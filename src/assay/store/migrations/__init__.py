"""Migrations of the store, one file a revision, run by :mod:`assay.store.migrate`.

A new one sits beside the others, names its predecessor in ``down_revision``, and becomes ``schema.REVISION``. The tests
compare the tables that the migrations build with those of :mod:`assay.store.schema`, and list what is missing.
"""
