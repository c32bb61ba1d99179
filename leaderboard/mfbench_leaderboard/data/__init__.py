"""Pure functions from a store's snapshot to what a page shows. No streamlit, no plotly."""
