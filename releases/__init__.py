"""THE ORDER: from created to production, every act a row."""
