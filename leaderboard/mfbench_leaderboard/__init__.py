"""The leaderboard, a Streamlit app over a store: pure ``data``, ``figures``, and ``views`` with the widgets."""
